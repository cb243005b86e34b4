/** Which step an operation of a plan becomes. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.kernel.java.bind;
