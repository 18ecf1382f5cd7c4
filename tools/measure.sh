#!/usr/bin/env bash
# Measures how long a reader and a writer wait, beside the peer, and prints a table of Markdown. Takes 20 minutes on two cores; run it on a
# machine that does nothing else, from a clean checkout: tools/measure.sh [part…], of first edit pages test.
#
# Seconds are CPU seconds, user and system, of the process and its children; they vary less than the time on the clock, which is in brackets.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
TIMEFORMAT='%U %S %R'
parts=${*:-first edit pages test}

# cpu NAME COMMAND…: runs it, and sets NAME to its CPU seconds and NAME_wall to those on the clock.
cpu() {
    local name=$1 took
    shift
    took=$({ time "$@" >"$work/out" 2>&1; } 2>&1) || { tail -20 "$work/out" >&2; exit 1; }
    read -r user system wall <<<"$took"
    printf -v "$name" '%s' "$(awk "BEGIN { printf \"%.1f\", $user + $system }")"
    printf -v "${name}_wall" '%s' "$wall"
}

ratio() { awk "BEGIN { printf \"%.2f\", $1 / $2 }"; }

wants() { [[ " $parts " == *" $1 "* ]]; }

# Serves the book with the tool $1, until it answers; sets url.
serve() {
    "$1" --port 0 >"$work/serve" 2>&1 &
    server=$!
    until url=$(grep -o 'http://[^ ]*' "$work/serve"); do sleep 0.05; done
}

echo "| What | Here | Peer | Ratio |"
echo "|---|---|---|---|"

if wants first; then
    cargo fetch --locked --quiet
    cpu peer cargo install mdbook --version 0.5.4 --locked --root "$work/mdbook" --target-dir "$work/peer"
    cpu ours cargo build --locked --bin book --target-dir "$work/ours"
    cpu read "$work/ours/debug/book" build --dest "$work/book"
    both=$(awk "BEGIN { print $ours + $read }")
    both_wall=$(awk "BEGIN { print $ours_wall + $read_wall }")
    echo "| from a clone to the first page: build of the tool, of all pages ($read s), against \`cargo install mdbook --locked\` | $both s ($both_wall) | $peer s ($peer_wall) | $(ratio "$both" "$peer") |"
fi

if wants edit; then
    cargo build --locked --quiet --bin book
    page=src/async-await/actor.md
    cp "$page" "$work/page"
    serve target/debug/book
    for round in 1 2 3 4 5 6 7 8 9 10 11; do
        version=$(curl -s "$url" | grep -o 'changed-since/[0-9]*')
        start=$(date +%s%N)
        printf '\nWord %s.\n' "$round" >>"$page"
        curl -s "$url$version" >"$work/answer"
        curl -s "${url}async-await/actor.html" | grep -q "Word $round."
        echo $((($(date +%s%N) - start) / 1000000))
    done | sort -n >"$work/edits"
    cp "$work/page" "$page"
    kill "$server"
    wait "$server" || true
    server=
    pages=$(grep -c '](' src/SUMMARY.md)
    echo "| an edit of one of $pages pages until it is served, median of 11 (limit 250) | $(sed -n 6p "$work/edits") ms | | |"
fi

if wants pages; then
    cargo build --locked --quiet --bin book
    first=
    for many in 50 100 200 400; do
        book="$work/$many"
        cp -r tests/small-book "$book"
        cp -r theme book.toml "$book"
        for ((n = 0; n < many; n++)); do
            pattern=$((n / 20))
            ((n % 20)) || printf '\n# Pattern %s\n\n- [Opening %s](p%s/n%s.md)\n' $pattern $pattern $pattern $n >>"$book/src/SUMMARY.md"
            ((n % 20)) && printf '  - [Page %s](p%s/n%s.md)\n' $n $pattern $n >>"$book/src/SUMMARY.md"
            mkdir -p "$book/src/p$pattern"
            { printf '# Page %s\n' $n; for ((k = 0; k < 40; k++)); do printf '\nA paragraph of *ten words* with a [link](n%s.md), number %s.\n' $n $k; done; } >"$book/src/p$pattern/n$n.md"
        done
        cpu build env -C "$book" "$PWD/target/debug/book" build --dest "$work/out-$many"
        first=${first:-$build}
        echo "| build of a book of $many short pages | $build s ($build_wall) | 50 pages: $first s | $(ratio "$build" "$first") |"
    done
fi

if wants test; then
    cpu clean cargo test --locked --target-dir "$work/test"
    cpu again cargo test --locked --target-dir "$work/test"
    tests=$(grep -h '^test result' "$work/out" | awk '{ sum += $4 } END { print sum }')
    proofs=$(grep -rhoE '\]\(proof:|\| `[a-z_:]+` \|$' src | wc -l)
    echo "| \`cargo test\` from clean | $clean s ($clean_wall) | | |"
    echo "| \`cargo test\`, nothing changed (limit 20 on the clock) | $again s ($again_wall) | | |"
    echo "| tests that pass | $tests | | |"
    echo "| places on pages that name a proof | $proofs | | |"
fi
