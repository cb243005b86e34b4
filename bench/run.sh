#!/bin/sh
# Measures this machine and leaves the results in build/bench, for bench/report/report.py:
#
#   bench/run.sh [--llama DIRECTORY] [MODEL.gguf...]
#
# Kernels and the embedded model by JMH, about twenty minutes; then each model against llama.cpp, whose
# llama-bench and llama-batched-bench lie in DIRECTORY. Nothing else should run meanwhile.
set -eu

usage() {
    echo "usage: $0 [--llama DIRECTORY] [MODEL.gguf...]" >&2
    exit 2
}

llama=
while [ $# -gt 0 ]; do
    case $1 in
    --llama)
        [ $# -ge 2 ] || usage
        llama=$2
        shift 2
        ;;
    -*) usage ;;
    *) break ;;
    esac
done
if [ $# -gt 0 ] && [ -z "$llama" ]; then
    echo "$0: models are compared with llama.cpp: say where by --llama DIRECTORY" >&2
    exit 2
fi
for model in "$@"; do
    [ -r "$model" ] || { echo "$0: cannot read $model" >&2 && exit 2; }
done

here=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$here")
cd "$top"
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE # chosen for other programs, they would slow the rival
results=$top/build/bench
mkdir -p "$results"
rm -f "$results"/*.json
"$top/vidrio" doctor --json >"$results/machine.json"
java=$("$top/vidrio" doctor --json | sed -n 's/.*"jdk" : ".* at \(.*\)",/\1/p')/bin/java
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

jmh matmul-decode MatMul -p model=llama-3.2-1b -p projection=UNEMBED -p tokens=1 -p executor="$natives",vector
jmh matmul-prompt MatMul -p model=llama-3.2-1b -p tokens=512 -p executor="$natives",vector
jmh matmul-scalar MatMul -p model=gemma-3-270m -p projection=FFN_DOWN -p tokens=8 -p executor="$natives",native-scalar,vector,scalar
jmh blas Blas -p threads=1 -p model=llama-3.2-1b -p tokens=1,8,512 -p executor="${natives##*,}"
jmh attention Attention -p model=smollm2-135m -p executor="$natives",vector
jmh attention-decode Attention -p model=llama-3.2-1b -p tokens=1 -p depth=16384 -p executor="$natives",vector
jmh small 'Norm|Quantize|Rope|Activation' -p model=llama-3.2-1b -p tokens=1,512 -p executor="$natives",vector,scalar
jmh foreign ForeignCall
jmh model ModelBenchmark -p executor="$natives",vector,scalar

for model in "$@"; do
    name=$(basename "$model" .gguf)
    echo "== $name, operations"
    "$top/vidrio" bench -m "$model" -p 512 -n 0 -d 4096 -r 1 --ops --json >"$results/ops-$name.json"
    echo "== $name against llama.cpp"
    python3 "$here/peers/compare_speed.py" "$model" --llama "$llama" -t "$threads" --rounds 3 \
        --json "$results/speed-$name.json"
done
