/** The layouts of the memory that kernels access: elements, blocks of weights, and the cache. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.kernel.java.memory;
