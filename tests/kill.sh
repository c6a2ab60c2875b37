#!/bin/sh
# Kills the complete examples KILLS times each, in C, Python and Go, and takes up their runs: see kill.py.
# Called by `make kill`, which builds the library and the sandbox.
set -eu
: "${CC:=cc}" "${CXX:=c++}" "${TARGET:=target}" "${KILLS:=300}"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. tests/examples.sh

programs=
for language in c python go; do
    build $language delete_scopes
    programs="$programs $work/$language-delete_scopes"
done
# The programs are words.
# shellcheck disable=SC2086
python3 -B tests/kill.py "$KILLS" $programs
