/** Commands that decode activations and weights. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli.lens.decode;
