#!/usr/bin/env bash
# Runs a script of the console's package.json: `check` (types, lints, unit tests, sizes), or `stories` (tests in Chromium).
#
# If a program is missing, this script prints which tests are skipped and succeeds. With REQUIRE_ALL=1 that is a failure.
set -eu
cd "$(dirname "$0")/web"

skip() { # what is missing, how to get it
    printf 'console: %s, so its %s cannot run. %s\n' "$1" "$script" "$2" >&2
    if [ "${REQUIRE_ALL:-}" = 1 ]; then exit 1; fi
    exit 0
}

script=$1
if [ ! -f dist/index.html ]; then skip 'it is not built' 'Run `make console`, which says what is missing.'; fi
if [ "$script" = stories ]; then
    chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
    if [ -z "$chromium" ]; then skip 'Chromium is missing' 'To install it: apt-get install chromium'; fi
    export MM_TEST_CHROMIUM="$chromium"
fi
exec npm run --silent "$script"
