/** Operations with the memory of their operands, and the workers that run them. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.kernel.java.runtime;
