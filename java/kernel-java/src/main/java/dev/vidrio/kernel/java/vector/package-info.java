/** The operations that are worth it by the Vector API, with the bits of the scalar ones. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.kernel.java.vector;
