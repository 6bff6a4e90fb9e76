#!/usr/bin/env bash
# Installs a release build: the program without symbols, and its debug symbols beside it, in .debug/. Debuggers, and the
# program itself for the stack of a panic, look for them there. Called by `make install`.
#
#   docs/deploy/install.sh target/release/message-manager
#
# PREFIX is /usr/local if not set; DESTDIR comes before it, for packages.
set -eu
binary=$1
folder=${DESTDIR:-}${PREFIX:-/usr/local}/bin
if ! command -v objcopy >/dev/null; then
    printf 'install: objcopy is missing. To install it: apt-get install binutils\n' >&2
    exit 1
fi
new=$folder/.message-manager.new
install -d "$folder/.debug"
objcopy --only-keep-debug "$binary" "$folder/.debug/message-manager.debug"
objcopy --strip-all --add-gnu-debuglink="$folder/.debug/message-manager.debug" "$binary" "$new"
chmod 755 "$new"
# By a rename, because the program may be running.
mv -f "$new" "$folder/message-manager"
ls -l "$folder/message-manager" "$folder/.debug/message-manager.debug"
