/**
 * JMH benchmarks: the same plan on every executor, so that native code, the Vector API and plain
 * Java do exactly the same work. bench/README.md tells how to run them.
 */
@NullMarked
package dev.vidrio.bench;

import org.jspecify.annotations.NullMarked;
