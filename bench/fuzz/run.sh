#!/usr/bin/env bash
# Fuzzes the parsers with Jazzer and the C API with libFuzzer, guided by coverage, and prints a line
# for each harness:
#
#   bench/fuzz/run.sh [options] [HARNESS]...
#
# The harnesses are those of bench/fuzz/src/main/java/dev/vidrio/fuzz/Harness.java (default: all of
# them), and of bench/fuzz/src/main/c: native-plan and native-weights, which need clang 16 or newer and
# are built with sanitizers on first use, in some minutes (with --scalar in half a minute). A finding
# is an unexpected exception, an error of a sanitizer, an unmet condition of the harness, an input that
# takes too long, or exhausted memory (a heap of 1 GB). Its input is kept, and the exit status is 1.
# Inputs that reach new code are kept in build/fuzz/corpus, where the next run begins.
#
#   --seconds N   time for each harness (default 10)
#   --jobs N      harnesses to run at once (default 1)
#   --timeout N   time after which an input is a finding (default 5): more on a loaded machine
#   --scalar      builds the native harnesses with scalar kernels only
#   --coverage    does not fuzz: prints how many lines of each parser the seeds, the corpus and kept
#                 inputs reach, and writes those that they do not to build/fuzz/coverage/HARNESS; the
#                 exit status is 1 if they are less than 90 %
#   --choose      does not fuzz: replaces bench/fuzz/corpus/HARNESS.zip by the shortest inputs, of it
#                 and of the kept ones, that reach all branches which the seeds do not (of a native
#                 harness: all edges)
#   --growth      does not fuzz: repeats parts of the kept inputs and seeds, up to 1 MB, and reports
#                 inputs that cost more than linear time or memory. In addition to the parsers it has
#                 gguf-items, safetensors-items, merges, encode, match, render and stop
#   --seed N      the seed of --growth (default: the time)
#
# Executions are added up in build/fuzz/executions, a line for each run.
# It builds what it needs first, unless VIDRIO_NO_BUILD is set. VIDRIO_CLANG is the compiler of the
# native harnesses (default: clang, clang-16 and so on, the first that is new enough).
set -euo pipefail

usage() {
    sed -n '2,/^set /s/^# \{0,1\}//p' "$0" | sed '$d' >&2
    exit 2
}

seconds=10
jobs=1
timeout=5
without_fuzzing=
scalar=OFF
seed=$(date +%s)
while [ $# -gt 0 ]; do
    case $1 in
    --seconds | --jobs | --timeout | --seed)
        [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || usage
        declare "${1#--}=$2"
        shift
        ;;
    --scalar) scalar=ON ;;
    --coverage | --choose | --growth) without_fuzzing=${1#--} ;;
    -*) usage ;;
    *) break ;;
    esac
    shift
done

native=() # the native harnesses among the names
for name; do
    [[ $name != native-* ]] || native+=("$name")
done
if [[ $without_fuzzing =~ coverage|growth ]] && [ "${#native[@]}" -gt 0 ]; then
    echo "$0: --$without_fuzzing runs Java; ${native[0]} runs C" >&2
    exit 2
fi
parsers=1 # 0: none of the names is one of a parser, so that Java is not needed
[ "$#" -eq 0 ] || [ "$#" -gt "${#native[@]}" ] || parsers=0

build=${VIDRIO_NO_BUILD:-}
[ "$parsers" = 1 ] || VIDRIO_NO_BUILD=1
source "$(dirname "$0")/jvm.sh"
out=$top/build/fuzz
mkdir -p "$out"/{corpus,coverage,findings,logs}

# Prints the first clang that is new enough.
find_clang() {
    local clang candidates=(clang clang-{16..30})
    [ -z "${VIDRIO_CLANG:-}" ] || candidates=("$VIDRIO_CLANG")
    for clang in "${candidates[@]}"; do
        if [ "$("$clang" -dumpversion 2>/dev/null | cut -d . -f 1)" -ge 16 ] 2>/dev/null; then
            echo "$clang"
            return
        fi
    done
    echo "$0: clang 16 or newer not found; set VIDRIO_CLANG (Debian: clang-16, libclang-rt-16-dev)" >&2
    return 1
}

if [ "${#native[@]}" -gt 0 ] && [ -z "$build" ]; then
    clang=$(find_clang)
    mvn -q -pl native generate-resources
    cmake --preset fuzz -DCMAKE_C_COMPILER="$clang" -DVD_SCALAR="$scalar" >"$out/logs/build.log"
    cmake --build --preset fuzz --parallel "$(nproc)" >>"$out/logs/build.log"
fi
scratch=$(mktemp -d "$([ -w /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}")/vidrio-fuzz.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

# Short runs end before the code of C2 would pay, and need the time of slow seeds for others.
length=(-Dvidrio.fuzz.slow=true)
[ "$seconds" -ge 30 ] || length=(-XX:TieredStopAtLevel=1)
jvm=("$java" -Xmx1g -XX:+UseSerialGC "${length[@]}" --enable-native-access=ALL-UNNAMED
    --add-modules jdk.incubator.vector --sun-misc-unsafe-memory-access=allow
    -Djava.io.tmpdir="$scratch" -cp "$classes")
harnesses=
if [ "$without_fuzzing" = growth ]; then
    harnesses=$("${jvm[@]}" dev.vidrio.fuzz.Growth 2>/dev/null)
elif [ "$parsers" = 1 ]; then
    harnesses=$("${jvm[@]}" dev.vidrio.fuzz.Main "$scratch/inputs" 2>/dev/null)
fi
[ $# -gt 0 ] || mapfile -t all < <(cut -d ' ' -f 1 <<<"$harnesses")
[ $# -gt 0 ] || set -- "${all[@]}"

# Jazzer's detectors of injections: the harnesses compile patterns and open files on purpose.
detectors=$(for name in ClojureLangHooks Deserialization ExpressionLanguageInjection FilePathTraversal \
    LdapInjection NamingContextLookup OsCommandInjection ReflectiveCall RegexInjection RegexRoadblocks \
    ScriptEngineInjection ServerSideRequestForgery SqlInjection UnsafeSanitizer XPathInjection; do
    echo "com.code_intelligence.jazzer.sanitizers.$name"
done | paste -sd :)

fuzzer() { # NAME: prints the program of a native harness
    echo "$out/bench/fuzz/fuzz_${1#native-}"
}

unzip_corpus() { # NAME DIRECTORY
    [ ! -e "$here/corpus/$1.zip" ] || (cd "$2" && "${java%java}jar" --extract --file "$here/corpus/$1.zip")
}

choose_native() { # NAME
    local known=$scratch/known/$1 chosen=$scratch/chosen/$1
    mkdir -p "$known" "$chosen"
    unzip_corpus "$1" "$known"
    "$(fuzzer "$1")" -set_cover_merge=1 -use_counters=0 "$chosen" "$known" "$out/corpus/$1" >"$out/logs/$1.log" 2>&1
    "${java%java}jar" --create --no-manifest --date=2000-01-01T00:00:00Z \
        --file "$here/corpus/$1.zip" -C "$chosen" .
    printf '%-12s %6d inputs chosen\n' "$1" "$(find "$chosen" -type f | wc -l)"
}

fuzz() { # NAME
    local name=$1 log=$out/logs/$1.log begin state=0 class command
    mkdir -p "$out/corpus/$name" "$out/findings/$name" "$scratch/inputs/$name"
    begin=$(date +%s)
    if [[ $name == native-* ]]; then
        command=("$(fuzzer "$name")" -max_len=4096)
        unzip_corpus "$name" "$scratch/inputs/$name"
    else
        class=$(sed -n "s/^$name //p" <<<"$harnesses")
        command=("${jvm[@]}" com.code_intelligence.jazzer.Jazzer --target_class="$class"
            --instrumentation_includes='dev.vidrio.**' --disabled_hooks="$detectors"
            --reproducer_path="$scratch" -rss_limit_mb=0 -max_len=16384)
    fi
    "${command[@]}" -max_total_time="$seconds" -timeout="$timeout" -print_final_stats=1 \
        -artifact_prefix="$out/findings/$name/" \
        "$out/corpus/$name" "$scratch/inputs/$name" >"$log" 2>&1 || state=$?
    local runs edges findings
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
    printf '%s %s %s\n' "$(date -u +%FT%TZ)" "$name" "${runs:-0}" >>"$out/executions"
    findings=$(sed -n 's/.*Test unit written to //p' "$log" | sort -u)
    printf '%-12s %10s executions %6s edges %6s inputs  %s\n' "$name" "${runs:-0}" "${edges:-0}" \
        "$(find "$out/corpus/$name" -type f | wc -l)" "${findings:+FINDING $findings}"
    if [ "$state" -ne 0 ] && [ -z "$findings" ]; then
        echo "$name: failed after $(($(date +%s) - begin)) s; see $log" >&2
    fi
    return "$state"
}

# Runs a class under JaCoCo, without fuzzing.
count() { # CLASS ARGUMENT...
    local agent
    agent=$(tr : '\n' <<<"$classes" | sed 's/\*$//' | while read -r entry; do
        [ -f "$entry" ] && echo "$entry" || ls "$entry"/org.jacoco.agent-*runtime.jar 2>/dev/null
    done | grep -m 1 'org.jacoco.agent-.*runtime.jar')
    "${jvm[@]:0:1}" -javaagent:"$agent"=output=none,includes=dev.vidrio.* "${jvm[@]:1}" "$@" \
        2> >(grep -v '^WARNING: Using incubator' >&2)
}

# Runs a harness as the options say.
run() { # NAME
    mkdir -p "$out/corpus/$1"
    case $without_fuzzing in
    coverage) count dev.vidrio.fuzz.Coverage "$1" "$out/coverage/$1" "$out/corpus/$1" ;;
    choose)
        if [[ $1 == native-* ]]; then
            choose_native "$1"
        else
            count dev.vidrio.fuzz.Corpus "$1" "$out/corpus/$1"
        fi
        ;;
    growth) "${jvm[@]}" dev.vidrio.fuzz.Growth "$seconds" "$seed" "$out/corpus" "$out/findings" "$1" ;;
    *) fuzz "$1" ;;
    esac
}

failed=0
for name; do
    grep -q "^$name\( \|\$\)" <<<"$harnesses" || [ -x "$(fuzzer "$name")" ] || { echo "$0: no harness $name; known: $(cut -d ' ' -f 1 <<<"$harnesses" | paste -sd ' ') native-plan native-weights" >&2 && exit 2; }
done
for name; do
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do
        wait -n || failed=1
    done
    run "$name" &
done
for _; do
    wait -n || { state=$?; [ "$state" -eq 127 ] || failed=1; }
done
exit "$failed"
