/**
 * Executors that run plans in Java: {@link dev.vidrio.kernel.java.JavaExecutor} with scalar code
 * that reads like docs/numerics.md, or with the Vector API. Both give the bits of the native
 * executor.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.kernel.java;
