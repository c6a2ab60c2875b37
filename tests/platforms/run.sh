#!/bin/sh
# What `make dist` made for other machines than this one, as far as emulators go: a C program of each archive,
# shared and static, deletes on an embedded sandbox. Unless QUICK is set, the Rust tests run on aarch64 and on
# Windows, too. Called by `make test-platforms`, with the tools of packaging/requirements.txt on the PATH.
set -eu
: "${TARGET:?}"
cd "$(dirname "$0")/../.."

export ZIG_GLOBAL_CACHE_DIR="$TARGET/zig" ZIG_LOCAL_CACHE_DIR="$TARGET/zig" CARGO_ZIGBUILD_CACHE_DIR="$TARGET/zig"

. tests/platforms/emulators.sh

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
elsewhere=$(mktemp -d)
trap 'rm -rf "$elsewhere"' EXIT

# archive PLATFORM COMPILER [RUNNER]: it is unpacked in another place, as a user has it.
archive() {
    name=koodrive-$version-$1
    case $1 in
        *-windows-*) python -m zipfile -e "$TARGET/dist/$name.zip" "$elsewhere" ;;
        *) tar -xzf "$TARGET/dist/$name.tar.gz" -C "$elsewhere" ;;
    esac
    # Unoptimized, Zig adds checks that call what musl 1.2.3 lacks; what unwinds, gcc would add by itself.
    tests/archive.sh "$elsewhere/$name" "python -m ziglang cc -O2 -lunwind -target $2" "${3-}"
}

# rust_tests PLATFORM RUNNER: those about the library's behaviour. What these machines can't show is left out:
# programs that start themselves again, segments of a chosen size, and time that an emulator takes.
rust_tests() {
    runner=CARGO_TARGET_$(echo "$1" | tr a-z- A-Z_)_RUNNER
    env "$runner=$2" CARGO_PROFILE_DEV_DEBUG=0 cargo-zigbuild test --locked --target "$1" \
        --test outcomes --test contract --test listing --test events --test journal --test plans
}

qemu_aarch64=$(provide_qemu)
musl_loader=$(provide_musl)
wine=$(provide_wine)
archive aarch64-unknown-linux-gnu aarch64-linux-gnu.2.17 "$qemu_aarch64"
archive x86_64-unknown-linux-musl "x86_64-linux-musl -dynamic -Wl,--dynamic-linker=$musl_loader"
archive x86_64-pc-windows-gnu x86_64-windows-gnu "$wine"
[ -z "${QUICK-}" ] || exit 0
rust_tests aarch64-unknown-linux-gnu "$qemu_aarch64"
rust_tests x86_64-pc-windows-gnu "$wine"
