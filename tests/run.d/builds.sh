# The builds of tests/run and what runs in them.

jobs_count() { nproc; }

configure() {
    local dir=$1
    shift
    local options=(-S . -B "build/$dir" -G Ninja)
    if command -v ccache >/dev/null; then options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_C_COMPILER_LAUNCHER=ccache); fi
    cmake "${options[@]}" "$@"
}

# The fastest linker there is that understands both compilers' output.
linker_flag() {
    if command -v mold >/dev/null; then echo -fuse-ld=mold; elif command -v ld.lld >/dev/null && [ "$1" = clang ]; then echo -fuse-ld=lld; fi
}

# build NAME TARGETS -- CMAKE OPTIONS
build() {
    local name=$1 targets=() log="$logs/build-$1.log"
    shift
    while [ "$1" != -- ]; do
        targets+=("$1")
        shift
    done
    shift
    if configure "$name" "$@" >"$log" 2>&1 && ninja -C "build/$name" -k 0 -j "$(jobs_count)" "${targets[@]}" >>"$log" 2>&1; then
        return 0
    fi
    grep -E -A 12 'error:|FAILED:|undefined reference|CMake Error' "$log" | head -n 120
    return 1
}

build_asan() {
    build asan all -- -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_COMPILER=g++ -DCMAKE_CXX_FLAGS="-O0 -g1" -DHEARTH_SANITIZE=address \
        -DCMAKE_EXE_LINKER_FLAGS="$(linker_flag gcc)"
}

# Also proves that sources include what they use: without the precompiled header.
build_clang() {
    build clang all -- -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_C_COMPILER=clang -DHEARTH_PCH=OFF \
        -DCMAKE_CXX_FLAGS="-O0 -g1" -DHEARTH_SANITIZE=address -DCMAKE_EXE_LINKER_FLAGS="$(linker_flag clang)"
}

build_tsan() {
    build tsan base_tests storage_tests net_tests server_tests wire_tests -- -DCMAKE_BUILD_TYPE=Debug \
        -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_FLAGS="-O1 -g1" -DHEARTH_SANITIZE=thread \
        -DCMAKE_EXE_LINKER_FLAGS="$(linker_flag clang)"
}

build_release() { build release hearth -- -DCMAKE_BUILD_TYPE=Release -DHEARTH_TESTS=OFF; }

build_sim() { build sim hearth_sim -- -DCMAKE_BUILD_TYPE=Release; }

test_targets() { ninja -C "build/$1" -t targets all | sed -n 's/^\([a-z]*_tests\): .*/\1/p' | sort -u; }

# A binary that is not up to date says nothing: then its target counts as one failure. (Not a dry run: that never says so
# where CMake looks for new files first.) One at a time: two ninjas must not share a folder.
is_built() {
    if ninja -C "build/$1" -j "$(jobs_count)" "$2" >"$logs/built-$1-$2.log" 2>&1; then return 0; fi
    echo "FAIL $3: did not build"
    record "$3" 0 1 0
    return 1
}

# run_one BUILD TARGET NAME
run_one() {
    local launch=()
    # TSan of these compilers can not place its shadow under a large random base.
    [ "$1" != tsan ] || launch=(setarch "$(uname -m)" -R)
    run_catch "$3" ${launch[@]+"${launch[@]}"} "build/$1/$2"
}

run_some_units() {
    local target built=()
    for target in "${@:2}"; do
        if is_built "$1" "$target" "$1-$target"; then built+=("$target"); fi
    done
    for target in ${built[@]+"${built[@]}"}; do
        side_by_side run_one "$1" "$target" "$1-$target"
    done
    wait
}

run_units() { run_some_units "$1" $(test_targets "$1" | grep -v '^wire_tests$'); }

# run_wire BUILD MODES: "process", "tls", "base".
run_wire() {
    local mode
    is_built "$1" wire_tests "$1-wire" || return 0
    for mode in "${@:2}"; do
        HEARTH_WIRE="${mode#process}" side_by_side run_one "$1" wire_tests "$1-wire-$mode"
    done
    wait
}

# run_clients BUILD NAMES: real programs against the real server.
run_clients() {
    local client
    for client in "${@:2}"; do
        HEARTH_BIN="$PWD/build/$1/hearth" HEARTH_TEST_TIMEOUT=1800 run_lines "$1-$client" "tests/clients/$client.sh"
    done
}

# run_sim MINUTES
run_sim() { run_lines sim tests/sim/run build/sim/hearth_sim "$1"; }

run_crash() {
    HEARTH_TEST_TIMEOUT=1800 run_lines "$1-crash-$2" /usr/bin/python3 tests/crash/kill9 --hearth "build/$1/hearth" --cycles "$2"
}

# run_shim BUILD SAMPLES: failing and fatal file system calls, some positions of each in about two minutes.
run_shim() {
    HEARTH_TEST_TIMEOUT=600 run_lines "$1-shim" /usr/bin/python3 tests/crash/shim --hearth "build/$1/hearth" \
        --sample "$2" --minutes 2
}

# run_rigs BUILD: power cuts in a recorded run, some of some ten thousand; disks that are full or taken away.
run_rigs() {
    HEARTH_TEST_TIMEOUT=300 run_lines "$1-replay" /usr/bin/python3 tests/crash/replay --hearth "build/$1/hearth" \
        --sample 500 --served 6 --minutes 2
    HEARTH_TEST_TIMEOUT=300 run_lines "$1-replay-loose" /usr/bin/python3 tests/crash/replay --hearth "build/$1/hearth" \
        --names loose --operations 300 --sample 150 --served 2 --minutes 1
    run_lines "$1-full" /usr/bin/python3 tests/crash/full --hearth "build/$1/hearth" --floors floor
    run_lines "$1-gone" /usr/bin/python3 tests/crash/gone --hearth "build/$1/hearth"
}

# Each header compiles alone.
check_headers() {
    local log="$logs/headers.log" flags
    flags="-std=c++20 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wold-style-cast -Werror -I. $(pkg-config --cflags libxml-2.0)"
    if git ls-files '*.h' | xargs -P "$(jobs_count)" -I{} sh -c \
        "printf '#include \"{}\"\n' | g++ $flags -x c++ -fsyntax-only - || { echo 'FAIL {}: does not compile alone'; exit 1; }" \
        >"$log" 2>&1; then
        return 0
    fi
    show_log "$log" 60
    return 1
}

# run_fuzz SECONDS: every fuzz target for that long, from its corpus, one on each core.
run_fuzz() {
    local targets target
    targets=$(cd tests/fuzz && ls -- *_fuzz.cc | sed 's/\.cc$//')
    # shellcheck disable=SC2086
    build fuzz $targets -- -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_C_COMPILER=clang -DHEARTH_FUZZ=ON \
        -DHEARTH_TESTS=OFF -DHEARTH_PCH=OFF -DHEARTH_SANITIZE=address -DCMAKE_CXX_FLAGS="-O1 -g1" -DCMAKE_EXE_LINKER_FLAGS="$(linker_flag clang)" || return 1
    for target in $targets; do
        side_by_side fuzz_one "$target" "$1"
    done
    wait
}

fuzz_one() {
    local corpus="tests/fuzz/corpus/$1" found="build/fuzz/found/$1" log="$logs/fuzz-$1.log"
    mkdir -p "$found"
    [ -d "$corpus" ] || corpus=
    if timeout -k 10 $(($2 + 120)) "build/fuzz/$1" -max_total_time="$2" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$found/" "$found" $corpus >"$log" 2>&1; then
        record "fuzz-$1" 1 0 0
        echo "   $1: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs"
    else
        record "fuzz-$1" 0 1 0
        show_log "$log" 60
    fi
}
