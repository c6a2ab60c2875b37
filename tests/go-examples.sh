#!/bin/sh
# Runs the Go examples that need other modules, on the sandbox, where these can be had.
set -eu
: "${TARGET:=target}"

. tests/with-sandbox.sh

. tests/examples.sh

start_sandbox --any
export KOODRIVE_ACCESS_TOKEN=demo-token KOODRIVE_USER_ID=1

# has_modules PROGRAM: whether its modules can be had.
has_modules() {
    if ! go -C "examples/go/$1" mod download > "$work/download" 2>&1; then
        echo "koodrive: the example $1 is left out, its modules can't be had: $(tail -n 1 "$work/download")" >&2
        return 1
    fi
}

# prints TEXT...: what the last program printed holds these.
prints() {
    for text; do
        grep -qF "$text" "$work/printed" || { cat "$work/printed"; exit 1; }
    done
}

# expect PROGRAM TEXT...: what it prints of a run of three ids.
expect() {
    program=$work/go-$1
    shift
    "$program" phone 1 2 3 > "$work/printed"
    prints "$@"
}

# expect_of_failure PROGRAM TEXT...: what it prints of a run that nobody answers.
expect_of_failure() {
    program=$work/go-$1
    shift
    if KOODRIVE_ENDPOINT=http://127.0.0.1:1 KOODRIVE_MAX_ATTEMPTS=1 \
        "$program" phone 1 2 3 > "$work/printed" 2> "$work/error"; then
        echo "koodrive: $program does not fail" >&2
        exit 1
    fi
    prints "$@"
}

if has_modules arrow; then
    build go arrow
    expect arrow '["1" "2" "3"] ["DELETED" "DELETED" "DELETED"]'
fi
if has_modules prometheus; then
    build go prometheus
    expect prometheus 'koodrive_request_seconds_count{status="200"} 1' 'koodrive_requests_total 1' \
        'koodrive_events_dropped_total 0'
    expect_of_failure prometheus 'koodrive_events_total{kind="GIVEN_UP"} 1' 'koodrive_requests_total 0'
fi
if has_modules opentelemetry; then
    build go opentelemetry
    expect opentelemetry '"Key":"http.response.status_code","Value":{"Type":"INT64","Value":200}' \
        '"Name":"koodrive.requests"' '"Name":"koodrive.events.dropped"'
    expect_of_failure opentelemetry '"Key":"kind","Value":{"Type":"STRING","Value":"GIVEN_UP"}'
fi
echo "examples that need modules: as expected"
