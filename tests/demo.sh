#!/bin/sh
# The main job end to end on the embedded sandbox: a short program, the API reference's own example, then
# 1,000 scopes of three devices in one plan, and an album that is listed, deleted and looked for; in C, and in
# each other language found, which must print the same. The same from the command line. At last a run that is
# throttled, killed and taken up. Called by `make demo`, which builds the library and the sandbox.
set -eu
: "${CC:=cc}" "${CXX:=c++}" "${TARGET:=target}"

. tests/with-sandbox.sh

. tests/examples.sh

ids() { seq -f "18428467155270%05g" "$1" "$2"; }
json() { sed 's/.*/"&"/' | paste -sd, -; }

# What exists before the demo, for a user of each language: the id of the short program, the last id of the
# API reference's example, and 1,000 more on three devices; and a phone with two albums.
scopes() {
    cat <<JSON
"1775406005920779393": { "deviceName": "Magic v3", "deviceOS": "Android 15", "scopes": [
    { "scopeId": "1", "moduleCode": "100", "localPath": "/Documents" },
    { "scopeId": "2", "moduleCode": "101", "localPath": "/DCIM/Camera" },
    { "scopeId": "3", "moduleCode": "101", "localPath": "/DCIM/Screenshots" } ] },
"1842812272691451648": ["1842846715527000000", "1842846715527366528"],
"phone": [$(ids 1 400 | json)],
"tablet": [$(ids 401 700 | json)],
"old phone": [$(ids 701 1000 | json)]
JSON
}
users=$(for language in c cpp python go command; do printf '"user of %s": {%s}\n' $language "$(scopes)"; done)
echo "{\"users\": {$(echo "$users" | sed '$!s/}$/},/')}}" > "$work/scopes.json"
ids 1 400 > "$work/phone"
ids 401 700 > "$work/tablet"
ids 701 1000 > "$work/old-phone"

start_sandbox --scopes "$work/scopes.json" --latency-ms 100
export KOODRIVE_ACCESS_TOKEN=demo-token

# run LANGUAGE: builds and runs all parts, into $work/LANGUAGE.txt
run() {
    build "$1" short
    build "$1" delete_scopes
    build "$1" albums
    {
        echo "The short program: two ids of which one exists."
        KOODRIVE_USER_ID="user of $1" "$work/$1-short"
        echo
        echo "The API reference's own example: seven ids of which one exists."
        "$work/$1-delete_scopes" --user "user of $1" --device 1842812272691451648 123 123 345 1760265745989677312 \
            1752777931588940032 1752990708303704321 1842846715527366528
        echo
        echo "1,000 scopes of three devices in one plan."
        "$work/$1-delete_scopes" --user "user of $1" --quiet \
            --device phone --file "$work/phone" \
            --device tablet --file "$work/tablet" \
            --device "old phone" --file "$work/old-phone"
        echo
        echo "The albums of a phone."
        echo y | KOODRIVE_USER_ID="user of $1" "$work/$1-albums" 1775406005920779393
    } > "$work/$1.txt"
}

# The command line. A program of its own, to be killed.
cat > "$work/koodrive" <<SCRIPT
#!/bin/sh
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH="$PWD/bindings/python/src" KOODRIVE_LIBRARY="$release/libkoodrive.so"
exec python3 -m koodrive "\$@"
SCRIPT
chmod +x "$work/koodrive"

# From a user to the scopes of one of his phones, of which the album goes.
listed() {
    export KOODRIVE_USER_ID="user of command"
    phone=1775406005920779393
    "$work/koodrive" devices
    "$work/koodrive" scopes --device $phone
    "$work/koodrive" delete --device $phone --all --module album --yes
    "$work/koodrive" scopes --device $phone
}

# 2,000 scopes through a gateway that allows 10 requests a second; the process is killed amid them, and the
# same command takes the run up.
killed() {
    stop_sandbox
    start_sandbox --any --rate 10 --burst 5
    ids 1 2000 > "$work/many"
    "$work/koodrive" delete --user 1 --device phone --journal "$work/journal" "$work/many" &
    victim=$!
    until [ -f "$work/journal" ] && grep -q DELETED "$work/journal"; do sleep 0.1; done
    kill -9 $victim
    wait $victim 2> "$work/killed" || true
    echo "Killed after $(grep -c DELETED "$work/journal") of 20 requests. The same command again:"
    "$work/koodrive" delete --user 1 --device phone --journal "$work/journal" "$work/many"
}

run c
echo "In C:"
cat "$work/c.txt"
echo
for language in cpp python go; do
    if ! has $language; then
        echo "$language: not found on this machine, left out"
        continue
    fi
    run $language
    cmp "$work/c.txt" "$work/$language.txt"
    echo "$language: the same as in C"
done
if has python; then
    echo
    echo "From a user to the album of a phone, on the command line."
    listed 2>&1
    echo
    echo "2,000 scopes through a gateway that allows 10 requests a second, in a process that is killed."
    killed
fi
