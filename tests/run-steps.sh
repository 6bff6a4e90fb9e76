#!/usr/bin/env bash
# Runs targets of the Makefile one after another. At the end, or after the first that fails, it prints the seconds of each.
set -u
cd "$(dirname "$0")/.."

report=
status=0
for step in "$@"; do
    began=$SECONDS
    make "$step" || status=$?
    report+=$(printf '%8d s  %s' $((SECONDS - began)) "$step")$'\n'
    if [ "$status" -ne 0 ]; then break; fi
done
printf '\n%s%8d s  total\n' "$report" "$SECONDS"
exit "$status"
