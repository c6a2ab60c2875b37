#!/bin/sh
# Makes what is released, in target/dist: an archive and a wheel of each platform, an sdist, and their sums.
# Called by `make dist`, with the tools of requirements.txt on the PATH.
#
#   TARGET=FOLDER packaging/dist.sh PLATFORM...
set -eu
: "${TARGET:?}" "${CARGO_HOME:=$HOME/.cargo}"
make=${MAKE:-make}
# What the calling make hands on is not meant for the ones in here.
unset MAKE MAKEFLAGS MFLAGS
cd "$(dirname "$0")/.."

GLIBC=2.17
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
dist=$TARGET/dist
trees=$TARGET/dist-trees

# All times in what is released are the commit's.
: "${SOURCE_DATE_EPOCH:=$(git log -1 --format=%ct)}"
export SOURCE_DATE_EPOCH TZ=UTC LC_ALL=C
umask 022
# Nothing is written outside TARGET.
export ZIG_GLOBAL_CACHE_DIR="$TARGET/zig" ZIG_LOCAL_CACHE_DIR="$TARGET/zig" CARGO_ZIGBUILD_CACHE_DIR="$TARGET/zig"
sysroot=$(rustc --print sysroot)
host=$(rustc -vV | sed -n 's/^host: //p')
# No path of this machine is part of a library, and none of the registry it uses; the last one that fits counts.
cargo fetch --quiet --locked
remap="--remap-path-prefix=$sysroot=/rust --remap-path-prefix=$PWD=/koodrive --remap-path-prefix=$TARGET=/target"
for registry in "$CARGO_HOME"/registry/src/*; do
    remap="$remap --remap-path-prefix=$registry=/crates"
done

fail() {
    echo "packaging/dist.sh: $*" >&2
    exit 1
}

provide_standard_library() {
    [ ! -d "$(rustc --print target-libdir --target "$1")" ] || return 0
    command -v rustup > /dev/null || fail "Rust's standard library for $1 is needed, and no rustup to install it was found"
    rustup target add "$1"
}

# build_tree PLATFORM TREE: the library, as it is installed, and what is said of it.
build_tree() {
    flags=$remap glibc='' link=''
    export CFLAGS=
    case $1 in
        # Zig strips what it compiles.
        *-windows-*) CFLAGS="-g0 -s" ;;
        *-linux-gnu) glibc=$GLIBC ;;
        *-musl)
            flags="$remap -C target-feature=-crt-static"
            link="-C link-arg=-Wl,-rpath,libc.musl-${1%%-*}.so.1"
            ;;
    esac
    rm -rf "$2"
    RUSTFLAGS=$flags "$make" --silent install CARGO=cargo-zigbuild TRIPLE="$1" GLIBC="$glibc" LINK_ARGS="$link" \
        PREFIX="/${2##*/}" DESTDIR="${2%/*}" PKG_CONFIG_PREFIX="\$\${pcfiledir}/../.."
    [ -z "$link" ] || python packaging/name_musl.py "$2/lib/libkoodrive.so"
    case $1 in
        # It can't read the stubs of the system's libraries in there; nothing else of it has debug information.
        *-windows-*) ;;
        *) LD_LIBRARY_PATH="$sysroot/lib" "$sysroot/lib/rustlib/$host/bin/rust-objcopy" --strip-debug "$2/lib/libkoodrive.a" ;;
    esac
    "$make" --silent sbom TRIPLE="$1"
    cp "$TARGET/koodrive.cdx.json" README.md CHANGELOG.md LICENSE-APACHE LICENSE-MIT "$2"
    python packaging/third_party.py "$1" > "$2/THIRD-PARTY.txt"
}

archive_name() {
    case $1 in
        *-windows-*) echo "$2.zip" ;;
        *) echo "$2.tar.gz" ;;
    esac
}

wheel_platform() {
    case $1 in
        *-linux-gnu) echo "manylinux_$(echo $GLIBC | tr . _)_${1%%-*}" ;;
        *-linux-musl) echo "musllinux_1_2_${1%%-*}" ;;
        x86_64-*-windows-*) echo win_amd64 ;;
    esac
}

# check_wheel FILE PLATFORM: auditwheel finds the name true.
check_wheel() {
    case $2 in
        *linux*) auditwheel show "$1" | tr '\n' ' ' | grep -q "consistent with the following platform tag: \"$2\"" ||
            { auditwheel show "$1" >&2; fail "auditwheel does not take $1 for $2"; } ;;
    esac
}

release() {
    name=koodrive-$version-$1
    platform=$(wheel_platform "$1")
    provide_standard_library "$1"
    build_tree "$1" "$trees/$name"
    python packaging/check.py "$1" "$trees/$name"
    python packaging/archive.py "$trees/$name" "$dist/$(archive_name "$1" "$name")"
    KOODRIVE_RELEASE_TREE="$trees/$name" KOODRIVE_WHEEL_PLATFORM="$platform" in_python hatchling build -t wheel -d "$dist"
    check_wheel "$dist/koodrive-$version-py3-none-$platform.whl" "$platform"
}

in_python() {
    (cd bindings/python && "$@")
}

rm -rf "$dist"
mkdir -p "$dist"
for platform; do
    release "$platform"
done
in_python hatchling build -t sdist -d "$dist"
(cd "$dist" && sha256sum -- * > SHA256SUMS && cat SHA256SUMS)
