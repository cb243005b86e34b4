/** Binds the operations of a plan to the memory of its operands. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.kernel.java.bind;
