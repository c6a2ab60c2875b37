#!/bin/sh
# Runs the Go examples that need other modules, on the sandbox, where these can be had.
set -eu
: "${TARGET:=target}"

. tests/with-sandbox.sh

. tests/examples.sh

start_sandbox --any
export KOODRIVE_ACCESS_TOKEN=demo-token KOODRIVE_USER_ID=1

# expect PROGRAM TEXT: what it prints of a run of three ids.
expect() {
    if ! go -C "examples/go/$1" mod download > "$work/download" 2>&1; then
        echo "koodrive: the example $1 is left out, its modules can't be had: $(tail -n 1 "$work/download")" >&2
        return
    fi
    build go "$1"
    "$work/go-$1" phone 1 2 3 > "$work/printed"
    grep -qF "$2" "$work/printed" || { cat "$work/printed"; exit 1; }
}

expect arrow '["1" "2" "3"] ["DELETED" "DELETED" "DELETED"]'
expect prometheus 'koodrive_request_seconds_count{status="200"} 1'
expect opentelemetry '"Key":"http.response.status_code","Value":{"Type":"INT64","Value":200}'
echo "examples that need modules: as expected"
