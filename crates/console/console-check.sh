#!/usr/bin/env bash
# Runs a script of the console's package.json: `check` (types, lints, unit tests, sizes, same bytes), `stories` (tests in
# Chromium), `bench` (figures in Chromium), or `types` (compares the generated types of the API with what the binary of
# build-tests describes). `check` does this too, if that binary is newer than the sources of the server.
#
# If a program is missing, this script prints which tests are skipped and succeeds. With REQUIRE_ALL=1 that is a failure.
set -eu
cd "$(dirname "$0")/web"

skip() { # what is missing, how to get it
    printf 'console: %s, so its %s cannot run. %s\n' "$1" "$script" "$2" >&2
    if [ "${REQUIRE_ALL:-}" = 1 ]; then exit 1; fi
    exit 0
}

# The generated types are those of this binary, or it fails.
compare_types() {
    npm run --silent types -- "$binary" --check
}

script=$1
binary=${MESSAGE_MANAGER_BINARY:-../../../target/debug/message-manager}
if [ "$script" = types ]; then
    if [ ! -x "$binary" ]; then skip 'the binary is not built' 'Run `make build-tests`.'; fi
    compare_types
    exit
fi
if [ ! -f dist/index.html ]; then skip 'it is not built' 'Run `make console`, which says what is missing.'; fi
if [ "$script" != check ]; then
    chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
    if [ -z "$chromium" ]; then skip 'Chromium is missing' 'To install it: apt-get install chromium'; fi
    export MM_TEST_CHROMIUM="$chromium"
fi
npm run --silent "$script"
if [ "$script" = check ] && [ -x "$binary" ] && [ -z "$(find ../../*/src -name '*.rs' -newer "$binary" -print -quit)" ]; then
    compare_types
fi
