#!/usr/bin/env bash
# Generates clients from the OpenAPI document of a binary, compiles them, and runs each against a server.
#
#   tests/clients/run.sh BINARY BASE_URL USERNAME PASSWORD FOLDER
#
# The generators are installed into FOLDER from the package registries.
set -euo pipefail
binary=$1 base=$2 username=$3 password=$4 folder=$5
sources=$(cd "$(dirname "$0")" && pwd)

mkdir -p "$folder"
cp -R "$sources/python" "$sources/typescript" "$folder/"
"$binary" openapi >"$folder/openapi.json"

echo "TypeScript"
cd "$folder/typescript"
npm ci --silent
npx openapi-typescript ../openapi.json --output schema.ts >/dev/null
npx tsc
node client.js "$base" "$username" "$password"

echo "Python"
cd "$folder/python"
python3 -m venv environment
environment/bin/pip install --quiet --disable-pip-version-check --requirement requirements.txt
environment/bin/openapi-python-client generate --path ../openapi.json --meta none \
    --output-path message_manager_client --overwrite >/dev/null
environment/bin/python client.py "$base" "$username" "$password"
