# shellcheck shell=sh
# Sourced: what runs programs of other platforms. What this machine lacks is unpacked from Debian's packages below
# TARGET; nothing is installed.
: "${TARGET:?}"
emulators=$TARGET/tools/emulators

missing() {
    echo "tests/platforms: '$1' is needed and was not found; please install it" >&2
    exit 1
}

# unpack PACKAGE...: by apt-get, whose lists may be out of date.
unpack() {
    command -v apt-get > /dev/null || missing "$1"
    mkdir -p "$emulators/packages"
    (
        cd "$emulators/packages"
        apt-get download -qq "$@" 2> /dev/null || { apt-get update -qq && apt-get download -qq "$@"; }
        for package in *.deb; do dpkg-deb -x "$package" "$emulators/root"; done
        rm -f ./*.deb
    )
}

# Sets qemu_aarch64, which finds the C library of glibc's programs.
provide_qemu() {
    root=$emulators/root
    [ -x "$root/usr/bin/qemu-aarch64-static" ] || unpack qemu-user-static libc6-arm64-cross libgcc-s1-arm64-cross
    qemu_aarch64="$root/usr/bin/qemu-aarch64-static -L $root/usr/aarch64-linux-gnu"
}

# Sets musl_loader.
provide_musl() {
    musl_loader=$emulators/root/lib/ld-musl-x86_64.so.1
    [ -e "$musl_loader" ] || unpack musl
}

# Sets wine. Of Debian's, whose own script names absolute paths, and which lacks what Rust asks for.
provide_wine() {
    lib=$emulators/root/usr/lib/wine
    wine="$lib/wine64"
    export WINEPREFIX="$emulators/wine" WINEDEBUG=-all WINEDLLOVERRIDES="mscoree=;mshtml=;winemenubuilder.exe="
    [ ! -e "$WINEPREFIX/ready" ] || return 0
    [ -x "$wine" ] || unpack wine64 libwine libz-mingw-w64
    ln -sf wineserver64 "$lib/wineserver"
    windows=$WINEPREFIX/drive_c/windows/system32
    mkdir -p "$windows"
    cp "$emulators/root/usr/x86_64-w64-mingw32/lib/zlib1.dll" "$windows"
    python -m ziglang cc -target x86_64-windows-gnu -shared -O1 tests/platforms/bcryptprimitives.c -ladvapi32 \
        -o "$windows/bcryptprimitives.dll"
    "$wine" wineboot -i > /dev/null 2>&1
    "$lib/wineserver" --wait
    touch "$WINEPREFIX/ready"
}
