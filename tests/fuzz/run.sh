#!/bin/sh
# Fuzzes every target for some seconds, from the committed seeds and what earlier runs found:
#   run.sh SECONDS [TARGET...]
# Says how often each was executed; a finding fails, and its input is kept. `make fuzz` calls it.
set -eu
: "${CARGO:=cargo}" "${TARGET:=target}"
seconds=${1:-20}
[ $# -eq 0 ] || shift

here=$(dirname "$0")
mkdir -p "$TARGET/fuzz"
TARGET=$(cd "$TARGET" && pwd)
export RUSTUP_TOOLCHAIN=nightly
if ! command -v rustup >/dev/null || ! rustup run nightly rustc --version >/dev/null 2>&1; then
    echo "koodrive: fuzzing is skipped: it needs the nightly toolchain (rustup toolchain install nightly)"
    exit 0
fi

PATH=$TARGET/tools/bin:$PATH
command -v cargo-fuzz >/dev/null ||
    "$CARGO" install --quiet --locked --root "$TARGET/tools" cargo-fuzz@0.13.2
cargo-fuzz fuzz build --fuzz-dir "$here" --target-dir "$TARGET/fuzz"
programs=$TARGET/fuzz/$(rustc -vV | sed -n 's/host: //p')/release

failed=0
[ $# -gt 0 ] || set -- answer arrow headers interface journal list
for target; do
    corpus=$TARGET/fuzz/corpus/$target
    log=$TARGET/fuzz/$target.log
    mkdir -p "$corpus"
    if "$programs/$target" -max_total_time="$seconds" -max_len=4096 -timeout=10 \
        -dict="$here/words.dict" -artifact_prefix="$TARGET/fuzz/$target-" -print_final_stats=1 \
        "$corpus" "$here/corpus/$target" > "$log" 2>&1; then
        finding="no finding"
    else
        finding="A FINDING, see $log"
        failed=1
        grep -A1 -E 'panicked at|Test unit written to' "$log" || tail -n 20 "$log"
    fi
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    echo "$target: ${executions:-unknown} executions in $seconds s, $finding"
done
exit $failed
