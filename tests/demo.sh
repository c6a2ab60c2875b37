#!/bin/sh
# The main job end to end on the embedded sandbox: the page's own example, then 1,000 scopes of three
# devices in one plan. Called by `make demo`, which builds what it runs.
set -eu
: "${CC:=cc}" "${TARGET:=target}"

work=$(mktemp -d)
sandbox=
finish() {
    [ -z "$sandbox" ] || kill "$sandbox"
    rm -rf "$work"
}
trap finish EXIT

ids() { seq -f "18428467155270%05g" "$1" "$2"; }
json() { sed 's/.*/"&"/' | paste -sd, -; }

# What exists before the demo: the last id of the page's example, and 1,000 more on three devices.
cat > "$work/scopes.json" <<JSON
{"users": {"1505084218764547200": {
  "1842812272691451648": ["1842846715527366528"],
  "phone": [$(ids 1 400 | json)],
  "tablet": [$(ids 401 700 | json)],
  "old phone": [$(ids 701 1000 | json)]
}}}
JSON
ids 1 400 > "$work/phone"
ids 401 700 > "$work/tablet"
ids 701 1000 > "$work/old-phone"

mkfifo "$work/url"
"$TARGET/debug/koodrive-sandbox" --port 0 --scopes "$work/scopes.json" --latency-ms 100 > "$work/url" &
sandbox=$!
read -r KOODRIVE_ENDPOINT < "$work/url"
export KOODRIVE_ENDPOINT
export KOODRIVE_USER_ID=1505084218764547200 KOODRIVE_ACCESS_TOKEN=demo-token

"$CC" -std=c11 -Wall -Wextra -Wpedantic -Werror -Iinclude -pthread \
    -o "$work/delete_scopes" examples/c/delete_scopes.c "$TARGET/release/libkoodrive.so" \
    -Wl,-rpath,"$(cd "$TARGET/release" && pwd)"

echo "The page's own example: seven ids of which one exists."
"$work/delete_scopes" --device 1842812272691451648 \
    123 123 345 1760265745989677312 1752777931588940032 1752990708303704321 1842846715527366528

echo
echo "1,000 scopes of three devices in one plan."
"$work/delete_scopes" --progress --quiet \
    --device phone --file "$work/phone" \
    --device tablet --file "$work/tablet" \
    --device "old phone" --file "$work/old-phone"
