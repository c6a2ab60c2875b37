#!/bin/sh
# Installs into a scratch prefix, and builds and runs programs in C, C++ and Go against what is there:
# with pkg-config and with CMake, shared and static. Called by `make test`, with go and cmake on the PATH.
set -eu
: "${CC:=cc}" "${CXX:=c++}" "${TARGET:=target}"
make=${MAKE:-make}
# What the calling make hands on is not meant for the ones in here, CMake's among them.
unset MAKE MAKEFLAGS MFLAGS DESTDIR LIBDIR INCLUDEDIR
cd "$(dirname "$0")/.."
root=$PWD

. tests/with-sandbox.sh
passed=0

fail() {
    echo "tests/install.sh: $*" >&2
    exit 1
}

# check NAME EXPECTED GOT
check() {
    if [ "$2" != "$3" ]; then
        printf '%s\n--- expected\n%s\n--- got\n%s\n' "$1" "$2" "$3" >&2
        exit 1
    fi
    passed=$((passed + 1))
}

quietly() {
    "$@" > "$work/log" 2>&1 || { cat "$work/log" >&2; fail "failed: $*"; }
}

# try PROGRAM shared|static: it links as it should, and deletes. Each gets a device of its own.
try() {
    linked=static
    ! ldd "$1" 2> /dev/null | grep -q "libkoodrive.so.1 => $work" || linked=shared
    check "how $1 is linked" "$2" "$linked"
    check "what $1 prints" "1842846715527000000  DELETED    -         -
345                  NOT_FOUND  15000418  The backup scope does not exist.
2 ids: 1 DELETED 1 NOT_FOUND; requests: 1" "$("$1" --device "${1#/}" 1842846715527000000 345)"
}

tree() {
    (cd "$1" && find . ! -type d | sort)
}

EXPECTED_TREE="./include/koodrive.h
./include/koodrive.hpp
./lib/cmake/koodrive/koodriveConfig.cmake
./lib/cmake/koodrive/koodriveConfigVersion.cmake
./lib/libkoodrive.a
./lib/libkoodrive.so
./lib/libkoodrive.so.1
./lib/libkoodrive.so.1.0.0
./lib/pkgconfig/koodrive.pc"

staged_install() {
    quietly "$make" install PREFIX=/opt/koodrive DESTDIR="$work/stage"
    check "the staged tree" "$EXPECTED_TREE" "$(tree "$work/stage/opt/koodrive")"
    check "nothing names the stage" "" "$(grep -rlF "$work" "$work/stage" || true)"
    # The tree may be moved: CMake's package finds its way, and pkg-config on request.
    mv "$work/stage/opt/koodrive" "$work/moved"
    check "a moved koodrive.pc" "$work/moved/lib" "$(PKG_CONFIG_PATH=$work/moved/lib/pkgconfig \
        pkg-config --define-prefix --variable=libdir koodrive)"
    cmake_programs "$work/moved" "$work/cmake-moved"
    mkdir -p "$work/stage/opt"
    mv "$work/moved" "$work/stage/opt/koodrive"
    quietly "$make" uninstall PREFIX=/opt/koodrive DESTDIR="$work/stage"
    check "what is left of a staged tree" "" "$(tree "$work/stage")"
}

plain_install() {
    prefix=$work/prefix
    quietly "$make" install PREFIX="$prefix"
    check "the tree" "$EXPECTED_TREE" "$(tree "$prefix")"
    check "the SONAME" "libkoodrive.so.1" \
        "$(readelf -d "$prefix/lib/libkoodrive.so" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')"
    export PKG_CONFIG_PATH="$prefix/lib/pkgconfig" LD_LIBRARY_PATH="$prefix/lib"
    check "the version" "$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)" \
        "$(pkg-config --modversion koodrive)"
}

pkg_config_programs() {
    for language in c cpp; do
        case $language in
            c) compiler="$CC -std=c11" ;;
            cpp) compiler="$CXX -std=c++17" ;;
        esac
        compile="$compiler -Wall -Wextra -Wpedantic -Werror -pthread examples/$language/delete_scopes.$language"
        # The flags are words.
        # shellcheck disable=SC2046,SC2086
        {
            quietly $compile $(pkg-config --cflags --libs koodrive) -o "$work/$language-shared"
            try "$work/$language-shared" shared
            # A program that is all static warns of getaddrinfo, and works.
            quietly $compile -static $(pkg-config --static --cflags --libs koodrive) -o "$work/$language-static"
            try "$work/$language-static" static
            quietly $compile $(pkg-config --cflags koodrive) -l:libkoodrive.a \
                $(pkg-config --static --libs koodrive | sed 's/-lkoodrive//') -o "$work/$language-archive"
            try "$work/$language-archive" static
        }
    done
}

# cmake_programs PREFIX BUILD_FOLDER
cmake_programs() {
    mkdir -p "$work/cmake"
    cat > "$work/cmake/CMakeLists.txt" <<CMAKE
cmake_minimum_required(VERSION 3.14)
project(programs C CXX)
set(CMAKE_CXX_STANDARD 17)
find_package(Threads REQUIRED)
find_package(koodrive 99 QUIET)
if(koodrive_FOUND)
  message(FATAL_ERROR "koodrive 99 was found")
endif()
find_package(koodrive 0.1 REQUIRED)
find_package(koodrive 0.1 REQUIRED) # Twice, as projects do that use others.
foreach(kind shared static)
  add_executable(c-\${kind} $root/examples/c/delete_scopes.c)
  add_executable(cpp-\${kind} $root/examples/cpp/delete_scopes.cpp)
endforeach()
target_link_libraries(c-shared koodrive::koodrive Threads::Threads)
target_link_libraries(cpp-shared koodrive::koodrive Threads::Threads)
target_link_libraries(c-static koodrive::koodrive_static Threads::Threads)
target_link_libraries(cpp-static koodrive::koodrive_static Threads::Threads)
CMAKE
    quietly cmake -S "$work/cmake" -B "$2" -DCMAKE_PREFIX_PATH="$1"
    quietly cmake --build "$2"
    for kind in shared static; do
        try "$2/c-$kind" "$kind"
        try "$2/cpp-$kind" "$kind"
    done
}

go_programs() {
    # Go's cache keeps what pkg-config once said: that of this prefix must not reach other builds.
    export GOCACHE="$work/go-cache"
    quietly go -C examples/go/delete_scopes build -o "$work/go-shared" .
    try "$work/go-shared" shared
    quietly go -C examples/go/delete_scopes build -tags koodrive_static -o "$work/go-static" .
    try "$work/go-static" static
}

# A library of another interface version is refused in words, where the language can.
another_abi() {
    cat > "$work/another.c" <<'C'
#include <stdint.h>
uint32_t koodrive_abi_version(void) { return 99u << 16; }
C
    quietly "$CC" -shared -fPIC "$work/another.c" -o "$work/another.so"
    for language in cpp go; do
        complaint=$(LD_PRELOAD="$work/another.so" "$work/$language-shared" --device 1 1 2>&1) && \
            fail "$language: a library of interface version 99 was taken"
        case $complaint in
            *"interface version 99"*) passed=$((passed + 1)) ;;
            *) fail "$language: says of a library of interface version 99: $complaint" ;;
        esac
    done
}

start_sandbox --auto 150
export KOODRIVE_USER_ID=1505084218764547200 KOODRIVE_ACCESS_TOKEN=a-token
staged_install
plain_install
pkg_config_programs
cmake_programs "$prefix" "$work/cmake-prefix"
go_programs
another_abi
quietly "$make" uninstall PREFIX="$prefix"
check "what is left of the tree" "" "$(tree "$prefix")"
echo "install: $passed passed, 0 failed"
