#!/usr/bin/env bash
# Lets Schemathesis send generated requests to a demo server: all calls, all its checks, as a manager and as staff. It takes
# about three minutes and is not part of the tests; what it has found is in tests/acceptance/api_schemas.rs.
#
#   tests/clients/schemathesis.sh target/debug/message-manager
#
# The check positive_data_acceptance is left out: it takes each 400 for a fault, but an id that names nothing visible and a taken
# name are 400 by the contract, and no schema can know them.
set -euo pipefail
binary=$(realpath "$1")
folder=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv environment
environment/bin/pip install --quiet --disable-pip-version-check schemathesis==4.32.5
BIND_ADDRESS=127.0.0.1:0 RUST_LOG=error "$binary" serve --demo >output &
server=$!
until grep -q '^listening on' output; do
    kill -0 "$server"
    sleep 0.2
done
base=$(sed -n 's/^listening on //p' output)
password=$(sed -n 's/^with the password \(.*\), which.*/\1/p' output)
curl -s "$base/api/openapi.json" >openapi.json

run() { # user name, further options
    token=$(curl -s "$base/api/auth/login/" -H 'Content-Type: application/json' \
        -d "{\"username\":\"$1\",\"password\":\"$password\"}" | sed 's/.*"access":"\([^"]*\)".*/\1/')
    environment/bin/st run openapi.json --url "$base" --header "Authorization: Bearer $token" --checks all \
        --exclude-checks positive_data_acceptance --continue-on-failure --workers 2 --warnings off --max-examples 30 "${@:2}"
}

# Calls that end or change the sign-in would leave the others without one.
run manager --exclude-path-regex '^/api/auth/(login|logout|password|refresh|sessions)/'
run reception --exclude-path-regex '^/api/auth/(login|logout|password|refresh|sessions)/'
run reception --include-path-regex '^/api/auth/(login|logout|password|refresh|sessions)/'
