/** Commands that find what activations and weights hold. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli.lens.decode;
