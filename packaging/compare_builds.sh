#!/bin/sh
# Builds the commit at hand twice, in two clones in folders of different names, and compares what is released
# byte for byte. Called by `make dist-check`.
#
#   TARGET=FOLDER packaging/compare_builds.sh PLATFORM...
set -eu
: "${TARGET:?}"
make=${MAKE:-make}
unset MAKE MAKEFLAGS MFLAGS CARGO_TARGET_DIR
cd "$(dirname "$0")/.."
work=$TARGET/dist-check
rm -rf "$work"

for clone in one another/place; do
    git clone --quiet . "$work/$clone"
    # The tools need not be made twice.
    mkdir -p "$work/$clone/target"
    ln -s "$TARGET/tools" "$work/$clone/target/tools"
    "$make" -C "$work/$clone" dist PLATFORMS="$*"
done
diff -r "$work/one/target/dist" "$work/another/place/target/dist"
echo "koodrive: both builds are the same"
