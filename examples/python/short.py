"""Deletes two scopes of one device.

Where the service is and who asks comes from the environment: KOODRIVE_ENDPOINT, KOODRIVE_USER_ID,
KOODRIVE_ACCESS_TOKEN.
"""

import sys

import koodrive

try:
    with koodrive.Client.from_env() as client:
        report = client.delete_scopes("1842812272691451648", ["1842846715527000000", "345"])
except koodrive.KooDriveError as error:
    if error.report is None:
        sys.exit(str(error))
    report = error.report  # the run is incomplete
    print(error, file=sys.stderr)
for scope in report:
    print(f"{scope.scope_id}: {scope.outcome.name}")
