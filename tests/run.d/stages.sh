# Stages of tests/run: each is timed, none stops the next, and every one adds to the counts.
# A result is one line "passed failed skipped" in build/results/, so that tests may run side by side.

logs=build/logs
results=build/results

begin() {
    started=$(date +%s)
    rm -rf "$logs" "$results"
    mkdir -p "$logs" "$results"
    export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_stack_use_after_return=0}
    export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1:halt_on_error=1}
    export TSAN_OPTIONS=${TSAN_OPTIONS:-halt_on_error=0:second_deadlock_stack=1}
    # Nothing a test talks to is reached through a proxy.
    export no_proxy='*' NO_PROXY='*'
}

minutes() { awk -v s="$1" 'BEGIN { printf "%.1f min", s / 60 }'; }

# stage NAME FUNCTION ARGUMENTS: the function records results itself; when it records none its status is the result.
stage() {
    local name=$1 from before status=0
    shift
    from=$(date +%s)
    before=$(find "$results" -type f | wc -l)
    echo "== $name"
    "$@" || status=$?
    if [ "$(find "$results" -type f | wc -l)" = "$before" ]; then
        if [ "$status" = 0 ]; then record "$name" 1 0 0; else record "$name" 0 1 0; fi
    elif [ "$status" != 0 ]; then
        record "$name-status" 0 1 0
    fi
    [ "$status" = 0 ] || echo "FAILED stage $name"
    echo "== $name: $(minutes $(($(date +%s) - from)))"
}

record() { echo "$2 $3 $4" >"$results/$1"; }

# The end of a log a person needs to see; the whole one stays in build/logs.
# What a sanitizer says first: the log after it may be long.
show_log() {
    echo "---- $1"
    grep -E -A 45 'WARNING: ThreadSanitizer|ERROR: AddressSanitizer|runtime error:' "$1" | head -n 150 || true
    tail -n "${2:-200}" "$1"
    echo "---- end of $1"
}

# Skips named in the log that tests/skips does not know are failures.
unknown_skips() {
    local unknown=0 name
    while read -r name; do
        if ! grep -q "^$name:" tests/skips; then
            echo "FAIL skip $name: has no line in tests/skips" >&2
            unknown=$((unknown + 1))
        fi
    done < <(sed -n 's/^SKIP \([^: ]*\):.*/\1/p' "$1")
    echo "$unknown"
}

# run_catch NAME BINARY: a Catch2 binary; its test cases are what is counted. A binary that ends without a summary
# (crash, timeout) counts as one failure.
run_catch() {
    local name=$1 binary=$2 log="$logs/$1.log" status=0 passed=0 failed=0 skipped unknown summary
    shift 2
    timeout -k 10 "${HEARTH_TEST_TIMEOUT:-900}" "$binary" "$@" >"$log" 2>&1 || status=$?
    if summary=$(grep -E '^All tests passed \(' "$log"); then
        passed=$(sed -n 's/.* in \([0-9]*\) test cases\{0,1\})$/\1/p' <<<"$summary" | tail -n 1)
    elif summary=$(grep -E '^test cases: ' "$log"); then
        passed=$(sed -n 's/.*[^0-9]\([0-9]*\) passed.*/\1/p' <<<"$summary" | tail -n 1)
        failed=$(sed -n 's/.*[^0-9]\([0-9]*\) failed\( |.*\)\{0,1\}$/\1/p' <<<"$summary" | tail -n 1)
    fi
    passed=${passed:-0} failed=${failed:-0}
    if [ "$status" != 0 ] && [ "$failed" = 0 ]; then
        echo "FAIL $name: ended with status $status"
        failed=1
    elif [ "$status" = 0 ] && [ "$passed" = 0 ]; then
        echo "FAIL $name: ran no test"
        failed=1
    fi
    skipped=$(grep -c '^SKIP ' "$log" || true)
    unknown=$(unknown_skips "$log")
    passed=$((passed > skipped ? passed - skipped : 0))
    failed=$((failed + unknown)) skipped=$((skipped - unknown))
    grep '^SKIP ' "$log" || true
    [ "$failed" = 0 ] || show_log "$log" 400
    echo "   $name: $passed passed, $failed failed, $skipped skipped"
    record "$name" "$passed" "$failed" "$skipped"
}

# run_lines NAME COMMAND: a program that prints "ok name", "FAIL name: why" or "SKIP name: why", a line each.
run_lines() {
    local name=$1 log="$logs/$1.log" status=0 passed failed skipped unknown
    shift
    timeout -k 10 "${HEARTH_TEST_TIMEOUT:-900}" "$@" >"$log" 2>&1 || status=$?
    passed=$(grep -c '^ok ' "$log" || true)
    failed=$(grep -c '^FAIL ' "$log" || true)
    skipped=$(grep -c '^SKIP ' "$log" || true)
    unknown=$(unknown_skips "$log")
    if [ "$status" != 0 ] && [ "$failed" = 0 ]; then
        echo "FAIL $name: ended with status $status"
        failed=1
    elif [ "$status" = 0 ] && [ $((passed + failed + skipped)) = 0 ]; then
        echo "FAIL $name: ran no test"
        failed=1
    fi
    failed=$((failed + unknown)) skipped=$((skipped - unknown))
    grep '^SKIP ' "$log" || true
    [ "$failed" = 0 ] || show_log "$log" 200
    echo "   $name: $passed passed, $failed failed, $skipped skipped"
    record "$name" "$passed" "$failed" "$skipped"
}

# At most one job per core at a time; each records its own result.
side_by_side() {
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n || true; done
    "$@" &
}

finish() {
    local passed failed skipped
    wait
    read -r passed failed skipped < <(cat "$results"/* | awk '{ p += $1; f += $2; s += $3 } END { print p + 0, f + 0, s + 0 }')
    echo "== all: $(minutes $(($(date +%s) - started)))"
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" = 0 ]
}
