"""The command line: koodrive devices, koodrive scopes, koodrive delete."""

from __future__ import annotations

import argparse
import os
import signal
from collections.abc import Sequence

from koodrive import InvalidArgument, KooDriveError, __version__
from koodrive._command import arguments, delete, lists
from koodrive._command.log import logged
from koodrive._command.output import say
from koodrive._command.statuses import INCOMPLETE, USAGE
from koodrive._owner import why_no_owner

_ENVIRONMENT = """\
Where the service is and who we are comes from the environment: KOODRIVE_ENDPOINT, KOODRIVE_USER_ID,
and KOODRIVE_ACCESS_TOKEN, KOODRIVE_AUTHORIZATION, or KOODRIVE_APP_ID with KOODRIVE_APP_SECRET. More
settings: KOODRIVE_CA_FILE, _PROXY, _CONNECT_TIMEOUT_MS, _REQUEST_TIMEOUT_MS, _RUN_TIMEOUT_MS,
_MAX_OUTAGE_MS, _MAX_ATTEMPTS, _MAX_CONNECTIONS, _MAX_REQUESTS_PER_SECOND.
"""


def main(given: Sequence[str] | None = None) -> int:
    """Carry out a command line; the exit status."""
    options = _parser().parse_args(given)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with logged(options.verbose, options.log_format):
        return _carry_out(options)


def _carry_out(options: argparse.Namespace) -> int:
    """The exit status of a command; what keeps it from its end is said."""
    try:
        _check_environment()
        status: int = options.carry_out(options)
        return status
    except InvalidArgument as error:
        say(str(error))
        return USAGE
    except KooDriveError as error:
        say(f"{error.status.name}: {error}")
        return INCOMPLETE
    except OSError as error:
        say(str(error))
        return USAGE
    except KeyboardInterrupt:
        say("interrupted")
        return INCOMPLETE


def _check_environment() -> None:
    """Refuse there what --user refuses."""
    user = os.environ.get("KOODRIVE_USER_ID")
    refused = why_no_owner(user) if user else None
    if refused:
        raise InvalidArgument(f"KOODRIVE_USER_ID: {refused}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="koodrive",
        description="Lists KooDrive backup scopes and deletes them.",
        epilog=_ENVIRONMENT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"koodrive {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, help_text: str, epilog: str = "") -> argparse.ArgumentParser:
        command = commands.add_parser(
            name,
            help=help_text,
            description=help_text[0].upper() + help_text[1:] + ".",
            epilog=_ENVIRONMENT + epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        arguments.for_logging(command)
        return command

    arguments.for_devices(add("devices", "list the devices of a user"), lists.devices)
    arguments.for_scopes(add("scopes", "list the scopes of a device"), lists.scopes)
    summary = "delete scopes and say what may still exist"
    arguments.for_delete(add("delete", summary, arguments.DELETE_EPILOG), delete.delete)
    return parser
