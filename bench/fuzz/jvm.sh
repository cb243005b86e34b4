# Sourced by the scripts of this directory: builds the classes, unless VIDRIO_NO_BUILD is set, and sets
# `java`, the newest JDK 25 in the usual directories, `classes` and `top`.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(dirname "$(dirname "$here")")
cd "$top"
[ -n "${VIDRIO_NO_BUILD:-}" ] || mvn -q -DskipTests -Dspotless.check.skip=true -pl bench/fuzz -am package
classes=${VIDRIO_FUZZ_CLASSES:-$here/target/classes:$here/target/dependencies/*}
java=java
for home in "${JAVA_HOME:-/nowhere}" /usr/lib/jvm/* "$HOME"/.jdks/* "$HOME"/.sdkman/candidates/java/*; do
    grep -qs '^JAVA_VERSION="25' "$home/release" && java=$home/bin/java && break
done
