/** What lies in the memory that kernels work on: elements, blocks of weights and of the cache. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.kernel.java.memory;
