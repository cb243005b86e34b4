/** Bound operations, the workers that run them, and the interface of their kernels. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.kernel.java.runtime;
