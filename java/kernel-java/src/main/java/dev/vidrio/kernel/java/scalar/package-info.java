/** All operations in scalar Java, as defined by docs/numerics.md. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.kernel.java.scalar;
