# shellcheck shell=sh
# Sourced: what runs programs of other platforms. What this machine lacks is unpacked from Debian's packages below
# TARGET; nothing is installed.
: "${TARGET:?}"
emulators=$TARGET/tools/emulators
root=$emulators/root
arm64=$emulators/arm64

# packages ARCHITECTURE ARGUMENT...: apt-get with lists of its own, which knows nothing of what is installed here.
packages() {
    command -v apt-get > /dev/null || {
        echo "tests/platforms: emulators and what runs in them are Debian's packages, and no apt-get to fetch them was found" >&2
        exit 1
    }
    state=$emulators/apt/$1
    mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
    : > "$state/status"
    options="-o APT::Architecture=$1 -o APT::Architectures=$1 -o Dir::State::lists=$state/lists \
        -o Dir::State::status=$state/status -o Dir::Cache=$state/cache -o APT::Sandbox::User=root"
    shift
    # The options are words.
    # shellcheck disable=SC2086
    apt-get -qq $options "$@"
}

# unpack FOLDER FILE...
unpack() {
    folder=$1
    shift
    for package; do dpkg-deb -x "$package" "$folder"; done
    rm -f "$@"
}

# provide PACKAGE...: of this machine's architecture, without what they need: that is here, or not used.
provide() {
    packages amd64 update
    (cd "$emulators" && packages amd64 download "$@" && unpack "$root" ./*.deb)
}

# Prints what runs programs of 64-bit ARM, for glibc and musl. Its folder has a Python, too.
provide_qemu() {
    [ -x "$root/usr/bin/qemu-aarch64-static" ] || provide qemu-user-static >&2
    [ -e "$arm64/ready" ] || provide_arm64 >&2
    echo "$root/usr/bin/qemu-aarch64-static -L $arm64"
}

provide_arm64() {
    packages arm64 update
    packages arm64 --yes --no-install-recommends --download-only install \
        libgcc-s1 libpython3-stdlib musl python3-minimal
    unpack "$arm64" "$emulators"/apt/arm64/cache/archives/*.deb
    touch "$arm64/ready"
}

# Prints the loader of programs for musl.
provide_musl() {
    loader=$root/lib/ld-musl-x86_64.so.1
    [ -e "$loader" ] || provide musl >&2
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
    [ -x "$lib/wine64" ] || provide wine64 libwine libz-mingw-w64
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
