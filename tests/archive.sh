#!/bin/sh
# Builds a C program against an unpacked archive of a release, shared and static, and a C++ program, by pkg-config,
# and lets them delete on an embedded sandbox. For another platform than this machine's it is given what compiles for that,
# and what runs it:
#
#   tests/archive.sh FOLDER [COMPILER [RUNNER]]
#   tests/archive.sh target/x/koodrive-0.1.0-aarch64-unknown-linux-gnu 'zig cc -O2 -target aarch64-linux-gnu.2.17 -lunwind' \
#       'qemu-aarch64 -L /usr/aarch64-linux-gnu'
#
# Zig wants -lunwind for the static library where gcc and clang link their unwinder by themselves, and -dynamic to
# link the shared one for musl.
set -eu
: "${TARGET:=target}"
folder=$(cd "$1" && pwd)
compiler=${2:-${CC:-cc}}
runner=${3-}
case $compiler in
    *' cc '*) compiler_of_cpp="${compiler%% cc *} c++ ${compiler#* cc }" ;;
    *) compiler_of_cpp=${CXX:-c++} ;;
esac
cd "$(dirname "$0")/.."

. tests/with-sandbox.sh

suffix=
[ ! -e "$folder/bin/koodrive.dll" ] || suffix=.exe

EXPECTED="1842846715527000000  DELETED    -         -
345                  NOT_FOUND  15000418  The backup scope does not exist.
2 ids: 1 DELETED 1 NOT_FOUND; requests: 1"

# build KIND COMPILER STANDARD SOURCE FLAG...: the complete tool. Compiler and runner are words.
build() {
    program=$work/delete-$1$suffix
    compile="$2 -std=$3 -Wall -Wextra -Wpedantic -Werror -pthread $4"
    shift 4
    # shellcheck disable=SC2086
    $compile "$@" -o "$program"
}

# delete KIND LIBRARY_PATH DEVICE: what the tool says.
delete() {
    # shellcheck disable=SC2086
    LD_LIBRARY_PATH="$2" $runner "$work/delete-$1$suffix" --device "$3" 1842846715527000000 345 | tr -d '\r'
}

# try KIND LIBRARY_PATH: each has a device of its own.
try() {
    got=$(delete "$1" "$2" "$1")
    [ "$got" = "$EXPECTED" ] || {
        printf '%s of %s: expected\n%s\ngot\n%s\n' "$1" "$folder" "$EXPECTED" "$got" >&2
        exit 1
    }
}

# Nothing of this machine is found, but what the archive says.
flags() {
    PKG_CONFIG_LIBDIR=$folder/lib/pkgconfig PKG_CONFIG_PATH='' pkg-config "$@" koodrive
}

start_sandbox --auto 150
export KOODRIVE_USER_ID=1505084218764547200 KOODRIVE_ACCESS_TOKEN=a-token
# The flags are words.
# shellcheck disable=SC2046
{
    build shared "$compiler" c11 examples/c/delete_scopes.c $(flags --cflags --libs)
    build cpp "$compiler_of_cpp" c++17 examples/cpp/delete_scopes.cpp $(flags --cflags --libs)
    build static "$compiler" c11 examples/c/delete_scopes.c $(flags --cflags) "$folder/lib/libkoodrive.a" \
        $(flags --static --libs-only-other) $(flags --static --libs-only-l | sed 's/-lkoodrive//')
}
try static ''
# Some linkers take the static library where they were asked for a shared one.
[ -z "$(delete shared '' nobody 2> /dev/null)" ] || { echo "$folder: shared needs no shared library" >&2; exit 1; }
# Windows finds a library beside the program.
[ -z "$suffix" ] || cp "$folder/bin/koodrive.dll" "$work"
try shared "$folder/lib"
try cpp "$folder/lib"
echo "archive ${folder##*/}: 3 passed, 0 failed"
