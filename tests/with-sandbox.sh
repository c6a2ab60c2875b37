# shellcheck shell=sh
# Sourced by the scripts beside it: a folder for their work and an embedded sandbox. Both end with the
# script. TARGET is where the sandbox was built.

work=$(mktemp -d)
sandbox=

# start_sandbox OPTION...: exports its endpoint.
start_sandbox() {
    [ -p "$work/url" ] || mkfifo "$work/url"
    "$TARGET/debug/koodrive-sandbox" "$@" > "$work/url" &
    sandbox=$!
    read -r KOODRIVE_ENDPOINT < "$work/url"
    export KOODRIVE_ENDPOINT
}

stop_sandbox() {
    [ -n "$sandbox" ] || return 0
    kill "$sandbox"
    wait "$sandbox" || true
    sandbox=
}

finish() {
    stop_sandbox
    rm -rf "$work"
}
trap finish EXIT
