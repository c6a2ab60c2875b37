"""Lists a user's devices, and deletes the albums of those that are named, after a question.

Where the service is and who asks comes from the environment: KOODRIVE_ENDPOINT, KOODRIVE_USER_ID,
KOODRIVE_ACCESS_TOKEN.
"""

import sys

import koodrive
from koodrive import Module

with koodrive.Client.from_env() as client:
    for device in client.devices():
        print(f"device {device.device_id}: {device.name or ''}")
    for device_id in sys.argv[1:]:
        albums = client.scopes(device_id, Module.ALBUMS)
        for scope in albums:
            print(f"album {scope.scope_id}: {scope.local_path}")
        print(f"Delete {len(albums)} albums? [y/N]")
        if sys.stdin.readline().strip() == "y":
            plan = koodrive.Plan()
            plan.add_scopes(albums)
            print(*(scope.outcome.name for scope in client.delete_plan(plan)), sep="\n")
        print(f"{len(client.scopes(device_id, Module.ALBUMS))} albums are left")
