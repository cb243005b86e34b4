#!/usr/bin/env bash
# Measures this machine and leaves the results in build/bench, for bench/report/report.py:
#
#   bench/run.sh [options] [MODEL.gguf[:TEST,TEST...]]...
#
# Kernels and the embedded model by JMH, about twenty minutes; then the operations of each model, and
# each model against other engines (the options of bench/peers/compare_speed.py say where they are).
#
#   --peers-only     only compare the models with other engines
#   --keep           keep earlier results, for instance those of other models
#   --rounds N       interleaved rounds for each model (default 3)
#   --minutes M      begin no round that would end later than M minutes after a model's beginning
#   --llama DIRECTORY, --ik DIRECTORY, --openvino PYTHON, --mistralrs PYTHON,
#   --jinfer DIRECTORY, --variant=ARGUMENTS
#
# Nothing else should run meanwhile.
set -euo pipefail

usage() {
    sed -n '2,/^set /s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

engines=()
rounds=3
peers_only=
keep=
while [ $# -gt 0 ]; do
    case $1 in
    --peers-only) peers_only=1 ;;
    --keep) keep=1 ;;
    --variant=*) engines+=("$1") ;;
    --rounds | --minutes | --llama | --ik | --openvino | --mistralrs | --jinfer)
        [ $# -ge 2 ] || usage
        [ "$1" = --rounds ] && rounds=$2 || engines+=("$1" "$2")
        shift
        ;;
    -*) usage ;;
    *) break ;;
    esac
    shift
done
models=()
for model in "$@"; do
    file=${model%%:*}
    [ -r "$file" ] || { echo "$0: cannot read $file" >&2 && exit 2; }
    models+=("$(realpath "$file")${model#"$file"}")
done

here=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$here")
cd "$top"
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE # chosen for other programs, they would slow the rivals
results=$top/build/bench
mkdir -p "$results"
[ -n "$keep" ] || rm -f "$results"/*.json
"$top/vidrio" doctor --json >"$results/machine.json"
export VIDRIO_NO_BUILD=1
java=$(sed -n 's/.*"jdk" : ".* at \(.*\)",/\1/p' "$results/machine.json")/bin/java
export JAVA_HOME=${java%/bin/java}
threads=$(sed -n 's/.*"threads" : \([0-9]*\).*/\1/p' "$results/machine.json")
isas=$(sed -n 's/.*"isas" : \[ *\(.*\) *\].*/\1/p' "$results/machine.json" | tr -d '" ')
natives=$(echo "$isas" | tr ',' '\n' | grep -v '^scalar$' | sed 's/^/native-/' | paste -sd, -)
natives=${natives:-native-scalar}

jmh() { # name of the results, then JMH's arguments
    name=$1
    shift
    echo "== $name"
    "$java" -jar "$here"/jmh/target/vidrio-bench-jmh-*.jar -f 1 -wi 2 -w 400ms -i 3 -r 400ms \
        -foe true -p threads="$threads" -rf json -rff "$results/$name.jmh.json" "$@" >"$results/$name.log"
}

kernels() {
    jmh matmul-decode MatMul -p model=llama-3.2-1b -p projection=UNEMBED -p tokens=1 -p executor="$natives",vector
    jmh matmul-prompt MatMul -p model=llama-3.2-1b -p tokens=512 -p executor="$natives",vector
    jmh matmul-scalar MatMul -p model=gemma-3-270m -p projection=FFN_DOWN -p tokens=8 -p executor="$natives",native-scalar,vector,scalar
    jmh blas Blas -p threads=1 -p model=llama-3.2-1b -p tokens=1,8,512 -p executor="${natives##*,}"
    jmh attention Attention -p model=smollm2-135m -p executor="$natives",vector
    jmh attention-decode Attention -p model=llama-3.2-1b -p tokens=1 -p depth=16384 -p executor="$natives",vector
    jmh small 'Norm|Quantize|Rope|Activation' -p model=llama-3.2-1b -p tokens=1,512 -p executor="$natives",vector,scalar
    jmh foreign ForeignCall
    jmh model ModelBenchmark -p executor="$natives",vector,scalar
}

[ -n "$peers_only" ] || kernels
for model in "${models[@]}"; do
    file=${model%%:*}
    name=$(basename "$file" .gguf)
    tests=${model#"$file"}
    if [ -z "$peers_only" ]; then
        echo "== $name, operations"
        "$top/vidrio" bench -m "$file" -p 512 -n 0 -d 4096 -r 1 --ops --json >"$results/ops-$name.json"
    fi
    echo "== $name against other engines"
    # shellcheck disable=SC2086 # one argument for each test
    python3 "$here/peers/compare_speed.py" "$file" ${tests:+--tests ${tests//[:,]/ }} --rounds "$rounds" \
        "${engines[@]}" --json "$results/speed-$name${tests//[:,]/-}.json"
done
