/** The steps of a plan, the workers that share them, and the operations that they call. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.kernel.java.runtime;
