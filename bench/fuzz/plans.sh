#!/usr/bin/env bash
# Runs random plans on several executors, requires results with equal bits, and prints the
# operations and types of weights that ran:
#
#   bench/fuzz/plans.sh [options]
#
# A plan follows from its seed. The case of a finding is made smaller and printed: a line for each
# operation and step. It is also written to build/fuzz/findings/plans, and the exit status is 1. To
# see it again, run its seed alone. A line on stderr has the seed of each finding, and each minute one
# has the next seed.
#
#   --seconds N   time (default 10)
#   --plans N     maximum number of plans (default: as many as the time allows)
#   --seed N      seed of the first plan (default: the time)
#
# It builds the classes first, unless VIDRIO_NO_BUILD is set.
set -euo pipefail

usage() {
    sed -n '2,/^set /s/^# \{0,1\}//p' "$0" | sed '$d' >&2
    exit 2
}

seconds=10
plans=1000000000
seed=$(date +%s)000
while [ $# -gt 0 ]; do
    [[ ${2:-} =~ ^[0-9]{1,15}$ ]] || usage
    case $1 in
    --seconds) seconds=$2 ;;
    --plans) plans=$2 ;;
    --seed) seed=$2 ;;
    *) usage ;;
    esac
    shift 2
done

source "$(dirname "$0")/jvm.sh"
out=$top/build/fuzz/findings/plans
state=0
# Examples of operations are found by failed checks. Their stack traces need not be long.
# shellcheck disable=SC2086
"$java" -Xmx1g -XX:+UseSerialGC -XX:MaxJavaStackTraceDepth=12 --enable-native-access=ALL-UNNAMED \
    --add-modules jdk.incubator.vector -XX:ErrorFile="$top/build/fuzz/hs_err_%p.log" ${VIDRIO_FUZZ_OPTIONS:-} \
    -cp "$classes:$top/build/host/jar" dev.vidrio.fuzz.plan.PlanFuzzer "$seed" "$plans" "$seconds" "$out" 2> >(grep --line-buffered -v '^WARNING: Using incubator' >&2) &
trap 'kill $! 2>/dev/null || true' EXIT
wait $! || state=$?
running=$out/running-$!
if [ -s "$running" ]; then
    echo "the JVM ended during seed $((16#$(od -An -tx1 -N8 "$running" | tr -d ' \n')))" >&2
    rm "$running"
    exit 1
fi
exit "$state"
