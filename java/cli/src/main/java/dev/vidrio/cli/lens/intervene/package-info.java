/** Commands that change activations and measure the effect on the answer. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli.lens.intervene;
