#!/usr/bin/env bash
# Runs a command with the servers that the tests need, and takes them away again.
#
#   tests/with-servers.sh cargo test --workspace
#
# It starts a PostgreSQL of its own (a temporary folder, loopback, a free port) and gives its
# superuser's address as MM_TEST_POSTGRES_URL, and a browser as MM_TEST_CHROMIUM. Redis servers the
# tests start themselves, with MM_TEST_REDIS, since they stop them as well. A server that
# runs already is never touched. What is missing is said, and the command runs without it;
# with REQUIRE_ALL=1 that is a failure instead. With DURABLE=1 a commit is as durable as PostgreSQL
# makes it by default, for measuring; else it is not waited for.
set -eu

say() { printf 'with-servers: %s\n' "$*" >&2; }

missing() { # what, what cannot run, how to get it
    say "$1 is missing: $2 cannot run. To get it: $3"
    if [ "${REQUIRE_ALL:-}" = 1 ]; then exit 1; fi
}

if [ $# -eq 0 ]; then
    say "usage: $0 COMMAND [ARGUMENT]..."
    exit 2
fi

folder=
postgres_id=
wrapper_id=
command_id=

clean_up() {
    trap - EXIT INT TERM
    if [ -n "$command_id" ]; then kill -TERM "$command_id" 2>/dev/null || true; fi
    if [ -n "$postgres_id" ]; then
        # SIGINT is PostgreSQL's fast shutdown.
        kill -INT "$postgres_id" 2>/dev/null || true
    elif [ -n "$wrapper_id" ]; then
        kill -TERM "$wrapper_id" 2>/dev/null || true
    fi
    if [ -n "$wrapper_id" ]; then wait "$wrapper_id" 2>/dev/null || true; fi
    if [ -n "$folder" ]; then rm -rf "$folder"; fi
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The folder of PostgreSQL's binaries: the newest of Debian's, else where PATH has them.
postgres_bin() {
    newest=$(find /usr/lib/postgresql -mindepth 3 -maxdepth 3 -path '*/bin/postgres' 2>/dev/null | sort -V | tail -n 1)
    if [ -z "$newest" ]; then newest=$(command -v postgres || true); fi
    if [ -n "$newest" ] && [ -x "$(dirname "$newest")/initdb" ]; then dirname "$newest"; fi
}

# PostgreSQL refuses to run as root.
as_postgres() {
    if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

free_port() {
    # A port nobody listens on; below the range the system hands out to clients.
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        port=$((20000 + ($(od -An -N2 -tu2 /dev/urandom) % 10000)))
        if ! (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
    say "found no free port"
    exit 1
}

start_postgres() {
    bin=$1
    folder=$(mktemp -d "${TMPDIR:-/tmp}/mm-postgres.XXXXXX")
    if [ "$(id -u)" = 0 ]; then chown postgres "$folder"; fi
    log=$folder/log
    if ! as_postgres "$bin/initdb" -D "$folder/data" -U postgres --auth=trust -E UTF8 --locale=C.UTF-8 \
        --no-sync >"$folder/initdb.log" 2>&1; then
        cat "$folder/initdb.log" >&2
        say "initdb failed"
        exit 1
    fi
    port=$(free_port)
    # Without fsync: this data is thrown away. Never so with data that matters.
    hurry=(-c fsync=off -c synchronous_commit=off -c full_page_writes=off)
    if [ "${DURABLE:-}" = 1 ]; then hurry=(); fi
    as_postgres "$bin/postgres" -D "$folder/data" -h 127.0.0.1 -p "$port" -k "$folder" "${hurry[@]}" \
        -c max_connections=200 -c log_min_messages=warning >"$log" 2>&1 &
    wrapper_id=$!
    for _ in $(seq 1 150); do
        if "$bin/pg_isready" -q -h 127.0.0.1 -p "$port" -U postgres; then
            # Its own id, not that of runuser.
            postgres_id=$(head -n 1 "$folder/data/postmaster.pid")
            export MM_TEST_POSTGRES_URL="postgres://postgres@127.0.0.1:$port/postgres"
            # The tests make databases with it.
            export MM_TEST_PSQL="$bin/psql"
            return
        fi
        if ! kill -0 "$wrapper_id" 2>/dev/null; then break; fi
        sleep 0.1
    done
    cat "$log" >&2
    say "PostgreSQL did not start"
    exit 1
}

# Made before PostgreSQL starts, which looks once for the languages that there are.
has_german() { locale -a 2>/dev/null | grep -qix 'de_DE\.utf-\?8'; }
if ! has_german && [ "$(id -u)" = 0 ] && command -v localedef >/dev/null; then
    localedef -i de_DE -f UTF-8 de_DE.UTF-8 2>/dev/null || true
fi
if ! has_german; then
    missing "the locale de_DE.UTF-8" "the tests of a PostgreSQL that speaks German" \
        "apt-get install locales && localedef -i de_DE -f UTF-8 de_DE.UTF-8"
fi

unset MM_TEST_POSTGRES_URL MM_TEST_CHROMIUM MM_TEST_REDIS
bin=$(postgres_bin)
if [ "$(id -u)" = 0 ] && ! id postgres >/dev/null 2>&1; then bin=; fi
if [ -n "$bin" ]; then
    start_postgres "$bin"
else
    missing PostgreSQL "every test on PostgreSQL" "apt-get install postgresql"
fi

redis=$(command -v redis-server || true)
if [ -n "$redis" ]; then
    export MM_TEST_REDIS="$redis"
else
    missing Redis "every test of servers that share one" "apt-get install redis-server"
fi

chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)
if [ -n "$chromium" ]; then
    export MM_TEST_CHROMIUM="$chromium"
else
    missing Chromium "the test in a real browser" "apt-get install chromium"
fi

for tool in curl; do
    if ! command -v "$tool" >/dev/null; then missing "$tool" "the documentation's examples" "apt-get install $tool"; fi
done

# In the background, so that a signal to this script is acted upon at once.
"$@" <&0 &
command_id=$!
status=0
wait "$command_id" || status=$?
command_id=
exit "$status"
