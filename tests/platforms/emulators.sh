# shellcheck shell=sh
# Sourced: what runs programs of other platforms. What this machine lacks is unpacked from Debian's packages below
# TARGET; nothing is installed.
: "${TARGET:?}"
emulators=$TARGET/tools/emulators
root=$emulators/root

# unpack PACKAGE...: by apt-get, whose lists may be out of date.
unpack() {
    command -v apt-get > /dev/null || {
        echo "tests/platforms: Debian's '$1' is needed, and no apt-get to fetch it was found" >&2
        exit 1
    }
    mkdir -p "$emulators/packages"
    (
        cd "$emulators/packages" || exit
        apt-get download -qq "$@" 2> /dev/null || { apt-get update -qq && apt-get download -qq "$@"; }
        for package in *.deb; do dpkg-deb -x "$package" "$root"; done
        rm -f ./*.deb
    )
}

# Prints what runs programs for glibc on 64-bit ARM.
provide_qemu() {
    [ -x "$root/usr/bin/qemu-aarch64-static" ] || unpack qemu-user-static libc6-arm64-cross libgcc-s1-arm64-cross >&2
    echo "$root/usr/bin/qemu-aarch64-static -L $root/usr/aarch64-linux-gnu"
}

# Prints the loader of programs for musl.
provide_musl() {
    loader=$root/lib/ld-musl-x86_64.so.1
    [ -e "$loader" ] || unpack musl >&2
    echo "$loader"
}

# Prints what runs programs for Windows: Debian's Wine, whose own script names absolute paths.
provide_wine() {
    prefix=$emulators/wine lib=$root/usr/lib/wine
    wine="env WINEPREFIX=$prefix WINEDEBUG=-all WINEDLLOVERRIDES=mscoree=;mshtml=;winemenubuilder.exe= $lib/wine64"
    [ -e "$prefix/ready" ] || make_wine_ready >&2
    echo "$wine"
}

# What Rust's standard library asks for and this Wine lacks must be there before its first start.
make_wine_ready() {
    [ -x "$lib/wine64" ] || unpack wine64 libwine libz-mingw-w64
    ln -sf wineserver64 "$lib/wineserver"
    windows=$prefix/drive_c/windows/system32
    mkdir -p "$windows"
    cp "$root/usr/x86_64-w64-mingw32/lib/zlib1.dll" "$windows"
    python -m ziglang cc -target x86_64-windows-gnu -shared -O1 tests/platforms/bcryptprimitives.c -ladvapi32 \
        -o "$windows/bcryptprimitives.dll"
    # The command is words.
    # shellcheck disable=SC2086
    $wine wineboot -i > /dev/null 2>&1
    WINEPREFIX=$prefix "$lib/wineserver" --wait
    touch "$prefix/ready"
}
