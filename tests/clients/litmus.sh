#!/usr/bin/env bash
# litmus: every group, every test of it a result of its own. A failure, a skip or a warning of litmus is a failure here.
. "$(dirname "$0")/server.sh"
start_server "${1:-}"
# In clear: the library under litmus warns about every authority that is not in the system's store.
target="http://127.0.0.1:$plain_port${1:-}/dav/files/$user/"

# run_group NAME: a result for each test that litmus printed ("NN. name.... pass"; what it shows while it runs ends in CR).
run_group() {
    local group=$1 line name count=0
    (cd "$work" && timeout 120 env TESTS="$group" litmus -k "$target" "$user" "$password") >"$work/$group.out" 2>&1
    while IFS= read -r line; do
        name=$(sed -E 's/^ *([0-9]+)\. ([a-z0-9_]+)[ .].*/\1-\2/' <<<"$line")
        count=$((count + 1))
        if grep -Eq '[. ]pass *$' <<<"$line"; then ok "litmus-$group-$name"; else fail "litmus-$group-$name: $line"; fi
    done < <(sed 's/.*\r//' "$work/$group.out" | grep -aE '^ *[0-9]+\. [a-z0-9_]+[ .]')
    if grep -aqE 'WARNING|SKIPPED' "$work/$group.out"; then
        fail "litmus-$group-clean: $(grep -aoE '(WARNING|SKIPPED).*' "$work/$group.out" | head -n 3 | tr '\n' ' ')"
    else
        ok "litmus-$group-clean"
    fi
    # So that a group that broke off, or a litmus that prints otherwise, is seen.
    if grep -aqE "<- summary for .$group.: of $count tests run: $count passed, 0 failed" "$work/$group.out"; then
        ok "litmus-$group-whole"
    else
        fail "litmus-$group-whole: $count results, and litmus says $(grep -a summary "$work/$group.out" | tail -n 1)"
    fi
}

for group in basic copymove props locks http; do run_group "$group"; done
exit $((failures > 0))
