/**
 * Base classes of the lens commands, for one text or pairs of texts, and mixins of options that
 * they share: layers, heads, tokens, positions, and output files.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli.lens.option;
