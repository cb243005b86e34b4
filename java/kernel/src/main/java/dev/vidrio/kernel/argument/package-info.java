/** Checks of arguments. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.kernel.argument;
