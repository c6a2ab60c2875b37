"""The command line as a module: python -m koodrive."""

import sys

from koodrive._command import main

if __name__ == "__main__":
    sys.exit(main())
