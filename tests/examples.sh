# shellcheck shell=sh
# Sourced by the scripts beside it: builds the example programs into a folder.
: "${CC:=cc}" "${CXX:=c++}" "${TARGET:=target}" "${work:?the folder}"

release=$(cd "$TARGET/release" && pwd)
warnings="-Wall -Wextra -Wpedantic -Werror"
link="$release/libkoodrive.so -Wl,-rpath,$release"

# has LANGUAGE: whether this machine can build and run it.
has() {
    case $1 in
    python) command -v python3 > /dev/null ;;
    go) command -v go > /dev/null && command -v pkg-config > /dev/null ;;
    esac
}

# build LANGUAGE PROGRAM: leaves $work/LANGUAGE-PROGRAM.
build() {
    binary=$work/$1-$2
    case $1 in
    c)
        # The flags are words.
        # shellcheck disable=SC2086
        $CC -std=c11 $warnings -Iinclude -pthread "examples/c/$2.c" $link -o "$binary"
        ;;
    cpp)
        # shellcheck disable=SC2086
        $CXX -std=c++17 $warnings -Iinclude -pthread "examples/cpp/$2.cpp" $link -o "$binary"
        ;;
    python)
        cat > "$binary" <<SCRIPT
#!/bin/sh
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$PWD/bindings/python/src" KOODRIVE_LIBRARY="$release/libkoodrive.so"
exec python3 "$PWD/examples/python/$2.py" "\$@"
SCRIPT
        chmod +x "$binary"
        ;;
    go)
        go -C "examples/go/$2" build -o "$binary" .
        ;;
    esac
}
