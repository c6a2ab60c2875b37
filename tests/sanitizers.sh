#!/bin/sh
# The C programs under tests/abi against libraries that are built, with their standard library, under
# AddressSanitizer (with LeakSanitizer) and ThreadSanitizer, each of which first has to catch a program
# that is wrong on purpose; and the fuzzers' calls of the C interface under Miri. Called by
# `make sanitize`, which builds the sandbox.
set -eu
: "${CARGO:=cargo}" "${CC:=cc}" "${TARGET:=target}"

nightly="rustup run nightly"
if ! command -v rustup >/dev/null || ! $nightly rustc --version >/dev/null 2>&1; then
    echo "koodrive: sanitizers are skipped: they need the nightly toolchain (rustup toolchain install nightly)"
    exit 0
fi
rustlib=$($nightly rustc --print sysroot)/lib/rustlib
if [ ! -d "$rustlib/src/rust/library" ]; then
    echo "koodrive: sanitizers are skipped: they need the standard library's source (rustup component add rust-src --toolchain nightly)"
    exit 0
fi
host=$($nightly rustc -vV | sed -n 's/host: //p')
runtimes=$rustlib/$host/lib

. tests/with-sandbox.sh

# What the programs under tests/abi expect, as tests/abi.rs has it.
cat > "$work/options.json" <<'JSON'
{"scopes": {"auto": {"count": 150}}, "forbidden_users": ["forbidden"],
 "rejected_ids": {"7": {"error_code": "15000999", "msg": "The scope is locked."}}}
JSON
export KOODRIVE_USER_ID=1505084218764547200 KOODRIVE_ACCESS_TOKEN=a-token
export ASAN_OPTIONS=detect_leaks=1 TSAN_OPTIONS=halt_on_error=1

# Wrong on purpose: what it frees it uses; what it makes it leaks; two threads change one plan.
cat > "$work/wrong.c" <<'C'
#include <koodrive.h>
#include <pthread.h>
static koodrive_plan *plan;
static void *add(void *unused) {
    koodrive_plan_add_lines(plan, NULL, "device", "1\n2", 3, 0, NULL);
    return unused;
}
int main(int count, char **arguments) {
    plan = koodrive_plan_new();
    switch (count > 1 ? *arguments[1] : 0) {
    case 'f':
        koodrive_plan_free(plan);
        return (int)koodrive_plan_scope_count(plan);
    case 'l':
        plan = NULL;
        return 0;
    default: {
        pthread_t thread;
        pthread_create(&thread, NULL, add, NULL);
        add(NULL);
        pthread_join(thread, NULL);
        koodrive_plan_free(plan);
        return 0;
    }
    }
}
C

# Linked with the sanitizer's runtime of the Rust toolchain: that of the C compiler may be too old for
# what the library asks of it.
compile() { # source, program
    "$CC" -std=c11 -Wall -Wextra -Wpedantic -Werror -g -pthread -fsanitize="$sanitizer" -Iinclude \
        -Itests/abi -c -o "$work/object.o" "$1"
    "$CC" -pthread -rdynamic -o "$2" "$work/object.o" "$libraries/libkoodrive.so" \
        -Wl,-rpath,"$libraries" -Wl,--whole-archive "$runtime" -Wl,--no-whole-archive -ldl -lm -lrt
}

must_catch() { # what it must say, mistake
    if "$work/wrong" "$2" > "$work/log" 2>&1 || ! grep -q "$1" "$work/log"; then
        echo "koodrive: the sanitizer does not catch a $1" >&2
        exit 1
    fi
}

run() { # program, options of the sandbox
    program=$1
    shift
    start_sandbox --options "$work/options.json" "$@"
    "$work/$program" > "$work/log" 2>&1 || {
        cat "$work/log"
        echo "koodrive: tests/abi/$program.c fails under the $sanitizer sanitizer" >&2
        exit 1
    }
    stop_sandbox
}

for sanitizer in address thread; do
    runtime=$runtimes/librustc-nightly_rt.$(printf %.1s $sanitizer)san.a
    RUSTFLAGS="-Zsanitizer=$sanitizer" RUSTUP_TOOLCHAIN=nightly \
        "$CARGO" rustc --quiet --locked --target "$host" --target-dir "$TARGET/sanitize-$sanitizer" \
        -Zbuild-std --lib --crate-type cdylib
    libraries=$(cd "$TARGET/sanitize-$sanitizer/$host/debug" && pwd)
    compile "$work/wrong.c" "$work/wrong"
    if [ "$sanitizer" = address ]; then
        must_catch heap-use-after-free f
        must_catch LeakSanitizer l
    else
        must_catch "data race" r
    fi
    for program in nulls bad_input walk arrow threads fork signals; do
        compile "tests/abi/$program.c" "$work/$program"
        run "$program"
    done
    export KOODRIVE_CA_FILE="$work/ca.pem"
    for program in walk threads fork; do
        run "$program" --tls "$work"
    done
    unset KOODRIVE_CA_FILE
    echo "$sanitizer: no finding"
done

# Miri has no sockets and no signal masks: it runs the calls of the C interface that need neither.
if RUSTUP_TOOLCHAIN=nightly "$CARGO" miri --version >/dev/null 2>&1; then
    MIRIFLAGS=-Zmiri-disable-isolation RUSTUP_TOOLCHAIN=nightly "$CARGO" miri test --quiet --locked \
        --manifest-path tests/fuzz/Cargo.toml --target-dir "$TARGET/miri" --test seeds
    echo "miri: no finding"
else
    echo "koodrive: Miri is skipped (rustup component add miri --toolchain nightly)"
fi
