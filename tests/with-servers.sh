#!/usr/bin/env bash
# Runs a command with the servers that the tests need, and removes them afterwards.
#
#   tests/with-servers.sh cargo test --workspace
#
# It starts a PostgreSQL in a temporary folder, on a free port of loopback, and exports the URL of its superuser as
# MM_TEST_POSTGRES_URL. MM_TEST_CHROMIUM and MM_TEST_REDIS are the paths of a browser and of Redis, which tests start
# themselves. Servers that already run are not used. If a program is missing, the tests that need it are skipped; with
# REQUIRE_ALL=1 the run fails instead.
#
# RUST_TEST_THREADS sets how many tests run at the same time. With DURABLE=1 commits wait for the disk, as benchmarks need it.
#
# However this script ends, even by SIGKILL, PostgreSQL is stopped and its folder removed: a second process, in a session of
# its own, waits for the end of a pipe that only this script holds (see clean_up).
set -eu

log() { printf 'with-servers: %s\n' "$*" >&2; }

report_missing() { # program, skipped tests, how to install it
    log "$1 is missing: $2 cannot run. To install it: $3"
    if [ "${REQUIRE_ALL:-}" = 1 ]; then exit 1; fi
}

# Waits for the end of standard input, which is the end of the script. Its last line is the process id of a command that
# still runs then, or empty.
clean_up() { # folder of PostgreSQL
    trap '' INT TERM HUP
    command_id=
    while read -r line; do command_id=$line; done
    if [ -n "$command_id" ]; then
        # The children as well: cargo does not pass a signal on to the test executable.
        kill -TERM $(cat "/proc/$command_id/task/$command_id/children" 2>/dev/null) "$command_id" 2>/dev/null || true
    fi
    # Until no process has the data directory in its command line: PostgreSQL may still be starting.
    for _ in $(seq 1 100); do
        processes=$(grep -las -- "$1/dat[a]" /proc/[0-9]*/cmdline) || break
        for process in $processes; do
            folder=$(dirname "$process")
            # SIGINT is the fast shutdown. runuser would kill PostgreSQL.
            if [ "$(cat "$folder/comm" 2>/dev/null)" = postgres ]; then
                kill -INT "$(basename "$folder")" 2>/dev/null || true
            fi
        done
        sleep 0.1
    done
    rm -rf "$1"
}

if [ "${1:-}" = --clean-up ]; then
    clean_up "$2"
    exit
fi
if [ $# -eq 0 ]; then
    log "usage: $0 COMMAND [ARGUMENT]..."
    exit 2
fi

trap 'exit 130' INT
trap 'exit 143' TERM HUP

# The folder of PostgreSQL's programs: the newest version of Debian's packages, else the one in PATH.
postgres_bin() {
    newest=$(find /usr/lib/postgresql -mindepth 3 -maxdepth 3 -path '*/bin/postgres' 2>/dev/null | sort -V | tail -n 1)
    if [ -z "$newest" ]; then newest=$(command -v postgres || true); fi
    if [ -n "$newest" ] && [ -x "$(dirname "$newest")/initdb" ]; then dirname "$newest"; fi
}

# PostgreSQL refuses to run as root.
as_postgres() {
    if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

# Prints a port without a listener, below the range that the system assigns to clients.
free_port() {
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        port=$((20000 + ($(od -An -N2 -tu2 /dev/urandom) % 10000)))
        if ! (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
    log "found no free port"
    exit 1
}

start_postgres() {
    bin=$1
    folder=$(mktemp -d "${TMPDIR:-/tmp}/mm-postgres.XXXXXX")
    # Descriptor 9 stays open until this script ends. Its children must not inherit it.
    exec 9> >(exec setsid "$0" --clean-up "$folder" 2>/dev/null)
    cleaner_id=$!
    # Waits for the cleaner, so that nothing is left when this script returns.
    trap 'exec 9>&-; wait "$cleaner_id" 2>/dev/null || true' EXIT
    if [ "$(id -u)" = 0 ]; then chown postgres "$folder"; fi
    postgres_log=$folder/log
    if ! as_postgres "$bin/initdb" -D "$folder/data" -U postgres --auth=trust -E UTF8 --locale=C.UTF-8 \
        --no-sync >"$folder/initdb.log" 2>&1 9>&-; then
        cat "$folder/initdb.log" >&2
        log "initdb failed"
        exit 1
    fi
    port=$(free_port)
    # Fast and not durable: this data is thrown away.
    durability=(-c fsync=off -c synchronous_commit=off -c full_page_writes=off)
    if [ "${DURABLE:-}" = 1 ]; then durability=(); fi
    as_postgres "$bin/postgres" -D "$folder/data" -h 127.0.0.1 -p "$port" -k "$folder" "${durability[@]}" \
        -c max_connections=400 -c log_min_messages=warning >"$postgres_log" 2>&1 9>&- &
    postgres_id=$!
    for _ in $(seq 1 150); do
        if "$bin/pg_isready" -q -h 127.0.0.1 -p "$port" -U postgres; then
            export MM_TEST_POSTGRES_URL="postgres://postgres@127.0.0.1:$port/postgres"
            # Tests create databases with it.
            export MM_TEST_PSQL="$bin/psql"
            return
        fi
        if ! kill -0 "$postgres_id" 2>/dev/null; then break; fi
        sleep 0.1
    done
    cat "$postgres_log" >&2
    log "PostgreSQL did not start"
    exit 1
}

# Created before PostgreSQL starts, which reads the list of locales once.
has_german() { locale -a 2>/dev/null | grep -qix 'de_DE\.utf-\?8'; }
if ! has_german && [ "$(id -u)" = 0 ] && command -v localedef >/dev/null; then
    localedef -i de_DE -f UTF-8 de_DE.UTF-8 2>/dev/null || true
fi
if ! has_german; then
    report_missing "the locale de_DE.UTF-8" "the tests of a PostgreSQL with German messages" \
        "apt-get install locales && localedef -i de_DE -f UTF-8 de_DE.UTF-8"
fi

unset MM_TEST_POSTGRES_URL MM_TEST_CHROMIUM MM_TEST_REDIS
bin=$(postgres_bin)
if [ "$(id -u)" = 0 ] && ! id postgres >/dev/null 2>&1; then bin=; fi
if [ -n "$bin" ]; then
    start_postgres "$bin"
else
    report_missing PostgreSQL "every test on PostgreSQL" "apt-get install postgresql"
fi

redis=$(command -v redis-server || true)
if [ -n "$redis" ]; then
    export MM_TEST_REDIS="$redis"
else
    report_missing Redis "every test of nodes that share a Redis" "apt-get install redis-server"
fi

chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -n "$chromium" ]; then
    export MM_TEST_CHROMIUM="$chromium"
else
    report_missing Chromium "the test in a real browser" "apt-get install chromium"
fi

if ! command -v curl >/dev/null; then
    report_missing curl "the examples of the documentation" "apt-get install curl"
fi

# Tests mostly wait: for timeouts, for the simulator, for other nodes. On two cores eight at a time are the fastest.
export RUST_TEST_THREADS="${RUST_TEST_THREADS:-8}"

# In the background, because bash handles a signal only after a command in the foreground has ended.
"$@" <&0 9>&- &
command_id=$!
if [ -n "${cleaner_id:-}" ]; then echo "$command_id" >&9; fi
status=0
wait "$command_id" || status=$?
if [ -n "${cleaner_id:-}" ]; then echo >&9; fi
exit "$status"
