/** Every operation as docs/numerics.md defines it, in plain Java. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.kernel.java.scalar;
