/**
 * Mixins of options that commands of the lens share: layers, heads, tokens, positions, pairs of
 * texts, and output files.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli.lens.option;
