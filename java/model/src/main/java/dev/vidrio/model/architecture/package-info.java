/** Loaded architectures, and what sets the supported ones apart. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.model.architecture;
