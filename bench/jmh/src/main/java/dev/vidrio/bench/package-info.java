/**
 * JMH benchmarks. Every executor runs the same plan, so that native code, the Vector API and scalar
 * Java do the same work. See bench/README.md.
 */
@NullMarked
package dev.vidrio.bench;

import org.jspecify.annotations.NullMarked;
