/** Operations that use the Vector API, with the bits of the scalar ones. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.kernel.java.vector;
