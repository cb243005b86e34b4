#!/bin/sh
# Regenerates the bindings from native/include/vidrio.h:  bindings/jextract/regenerate.sh JEXTRACT_HOME
#
# Needed after a change of the header. All declarations of the header are bound, and none of the
# headers that it includes.
set -eu

if [ $# -ne 1 ] || [ ! -x "$1/bin/jextract" ]; then
    echo "usage: $0 JEXTRACT_HOME   (the directory that holds bin/jextract)" >&2
    exit 2
fi
jextract=$(cd "$1" && pwd)/bin/jextract
cd "$(dirname "$0")/../.."

includes=$(mktemp)
trap 'rm -f "$includes"' EXIT
"$jextract" --dump-includes "$includes" native/include/vidrio.h
sed -i -n 's/^\(--include-[a-z]* [A-Za-z0-9_]*\) .*vidrio\.h$/\1/p' "$includes"

package=bindings/src/main/java/dev/vidrio/bindings
rm -rf "$package"
"$jextract" @bindings/jextract/arguments.txt "@$includes" \
    --output bindings/src/main/java native/include/vidrio.h
# The layout of a union without a name is named by its line. Without it, the file changes less often.
sed -i 's/withName("\$anon\$[0-9:]*")/withName("as")/; s/union (unnamed at [^)]*)/as/g' "$package/vd_op.java"
