#!/bin/sh
# Regenerates the bindings from native/include/vidrio.h:  bindings/jextract/regenerate.sh JEXTRACT_HOME
#
# Needed after a change of the header. includes.txt lists what is bound, reviewed by hand: a new
# declaration has to be added there (BindingsTest names what is missing).
set -eu

if [ $# -ne 1 ] || [ ! -x "$1/bin/jextract" ]; then
    echo "usage: $0 JEXTRACT_HOME   (the directory that holds bin/jextract)" >&2
    exit 2
fi
jextract=$(cd "$1" && pwd)/bin/jextract
cd "$(dirname "$0")/../.."

package=bindings/src/main/java/dev/vidrio/bindings
rm -rf "$package"
"$jextract" @bindings/jextract/arguments.txt @bindings/jextract/includes.txt \
    --output bindings/src/main/java native/include/vidrio.h
