#!/usr/bin/env bash
# Fails where a crate depends on something that none of its files names.
#
# With cargo-machete, if that is installed; else by looking for the name in the crate's Rust files,
# which finds the same apart from dependencies that are needed only for their features.
set -eu
cd "$(dirname "$0")/.."

if command -v cargo-machete >/dev/null 2>&1; then
    exec cargo machete
fi
echo "unused-dependencies: cargo-machete is not installed (cargo install cargo-machete): a plain look instead" >&2

# Named by no file, and needed all the same: chosen for their features.
for_features="persistence:libsqlite3-sys persistence:pq-sys bench:libsqlite3-sys bench:pq-sys"

found=0
for manifest in crates/*/Cargo.toml tests/Cargo.toml tests/bench/Cargo.toml; do
    folder=$(dirname "$manifest")
    crate=$(sed -n 's/^name = "\(.*\)"/\1/p' "$manifest" | head -n 1)
    names=$(awk '/^\[/ { on = ($0 == "[dependencies]" || $0 == "[dev-dependencies]"); next }
                 on && /^[a-z]/ { split($0, word, /[. =]/); print word[1] }' "$manifest" | sort -u)
    for name in $names; do
        case " $for_features " in *" $crate:$name "*) continue ;; esac
        if ! grep -rqwE --include='*.rs' "${name//-/_}" "$folder"; then
            echo "unused-dependencies: $manifest: $name" >&2
            found=1
        fi
    done
done
exit "$found"
