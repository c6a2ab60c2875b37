#!/bin/sh
# What `make dist` made for other machines than this one, as far as emulators go: a C program of each archive,
# shared and static, a C++ program, the wheel for 64-bit ARM and a Go program for Windows delete on an embedded
# sandbox. Unless QUICK is set, the Rust tests run for 64-bit ARM and for Windows, too. Called by `make
# test-platforms`, with the tools of packaging/requirements.txt on the PATH.
set -eu
: "${TARGET:?}"
cd "$(dirname "$0")/../.."

export ZIG_GLOBAL_CACHE_DIR="$TARGET/zig" ZIG_LOCAL_CACHE_DIR="$TARGET/zig" CARGO_ZIGBUILD_CACHE_DIR="$TARGET/zig"

. tests/with-sandbox.sh

. tests/platforms/emulators.sh

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)

# archive PLATFORM COMPILER [RUNNER]: it is unpacked in another place, as a user has it.
archive() {
    name=koodrive-$version-$1
    case $1 in
        *-windows-*) python -m zipfile -e "$TARGET/dist/$name.zip" "$work" ;;
        *) tar -xzf "$TARGET/dist/$name.tar.gz" -C "$work" ;;
    esac
    # Unoptimized, Zig adds checks that call what musl 1.2.3 lacks; what unwinds, gcc would add by itself.
    tests/archive.sh "$work/$name" "python -m ziglang cc -O2 -lunwind -target $2" "${3-}"
}

# The short program of a language deletes: short NAME COMMAND, whose words it is.
short() {
    start_sandbox --auto 150
    # shellcheck disable=SC2086
    got=$(KOODRIVE_USER_ID=1505084218764547200 KOODRIVE_ACCESS_TOKEN=a-token $2 | tr -d '\r')
    stop_sandbox
    expected='1842846715527000000: DELETED
345: NOT_FOUND'
    [ "$got" = "$expected" ] || {
        printf '%s: expected\n%s\ngot\n%s\n' "$1" "$expected" "$got" >&2
        exit 1
    }
    echo "$1: 1 passed, 0 failed"
}

# wheel TAG PYTHON: this machine's pip installs it for that platform, whose Python runs it.
wheel() {
    python -m pip install --quiet --disable-pip-version-check --no-index --only-binary :all: --platform "$1" \
        --target "$work/$1" "$TARGET/dist/koodrive-$version-py3-none-$1.whl"
    short "wheel $1" "env PYTHONPATH=$work/$1 PYTHONDONTWRITEBYTECODE=1 $2 examples/python/short.py"
}

# The unpacked archive is what pkg-config finds; Zig compiles cgo's part.
go_on_windows() (
    archive=$work/koodrive-$version-x86_64-pc-windows-gnu
    PATH=$(tests/tools.sh)
    export PATH GOOS=windows GOARCH=amd64 CGO_ENABLED=1 CC="python -m ziglang cc -target x86_64-windows-gnu" \
        PKG_CONFIG_LIBDIR="$archive/lib/pkgconfig" GOCACHE="$TARGET/go-cache"
    go -C examples/go/short build -o "$archive/bin/short.exe" .
    short 'Go on Windows' "$wine $archive/bin/short.exe"
)

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
archive aarch64-unknown-linux-musl "aarch64-linux-musl -dynamic" "$qemu_aarch64"
archive x86_64-pc-windows-gnu x86_64-windows-gnu "$wine"
wheel manylinux_2_17_aarch64 "$qemu_aarch64 $arm64/usr/bin/python3"
go_on_windows
[ -z "${QUICK-}" ] || exit 0
rust_tests aarch64-unknown-linux-gnu "$qemu_aarch64"
rust_tests x86_64-pc-windows-gnu "$wine"
