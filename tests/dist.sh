#!/bin/sh
# What `make dist` made for this machine, as a user gets it: the archive is unpacked in another place, the wheel
# is installed into a fresh environment, and so is what the sdist builds; each of them deletes on an embedded
# sandbox. Called by `make test-dist`.
set -eu
: "${TARGET:=target}"
cd "$(dirname "$0")/.."
dist=$TARGET/dist
machine=$(uname -m)
elsewhere=$(mktemp -d)
trap 'rm -rf "$elsewhere"' EXIT

(cd "$dist" && sha256sum --check --quiet SHA256SUMS)
tar -xzf "$dist"/koodrive-*-"$machine"-unknown-linux-gnu.tar.gz -C "$elsewhere"
tests/archive.sh "$elsewhere"/koodrive-*
for package in "$dist"/koodrive-*-manylinux_*_"$machine".whl "$dist"/koodrive-*[0-9].tar.gz; do
    echo "${package##*/}:"
    (cd bindings/python && PYTHONDONTWRITEBYTECODE=1 KOODRIVE_PACKAGE="$package" \
        "$TARGET/venv/bin/python" -m pytest -q -p no:cacheprovider tests/test_wheel.py)
done
