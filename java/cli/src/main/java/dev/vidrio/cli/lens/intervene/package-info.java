/** Commands that change activations and show what becomes of the answer. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli.lens.intervene;
