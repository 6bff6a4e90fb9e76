#!/usr/bin/env bash
# Builds the console (web/dist), which cargo then embeds in the binary: only if a source is newer than the last build.
#
# Without Node 20.19 or newer, or without npm, this script prints what is missing and succeeds: the binary then has no
# console. With REQUIRE_ALL=1 that is a failure.
set -eu
cd "$(dirname "$0")"

skip() { # what is missing, how to get it
    printf 'console: %s, so the staff console is not built. %s\n' "$1" "$2" >&2
    if [ "${REQUIRE_ALL:-}" = 1 ]; then exit 1; fi
    exit 0
}

is_newer_source() { # path of the built page
    # The page contains the version of the workspace.
    [ -n "$(find web ../../Cargo.toml \( -name node_modules -o -name dist -o -name build-manifest.json \) -prune -o -type f -newer "$1" -print -quit)" ]
}

if [ ! -f web/package.json ]; then
    skip 'its sources are missing' 'They are in crates/console/web.'
fi
page=web/dist/index.html
if [ -f "$page" ] && ! is_newer_source "$page"; then exit 0; fi

advice='Get Node 20.19 or newer with npm from https://nodejs.org or your package manager, then run `make console`.'
if ! command -v node >/dev/null; then skip 'Node is missing' "$advice"; fi
if ! node -e 'const [major, minor] = process.versions.node.split(".").map(Number);
              process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)'; then
    skip "Node $(node --version) is too old" "$advice"
fi
if ! command -v npm >/dev/null; then skip 'npm is missing' "$advice"; fi

cd web
if [ ! -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    npm ci
fi
npm run build
