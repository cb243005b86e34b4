/**
 * What commands of the lens are told, and how people write it: layers, heads, tokens and positions,
 * what to compare, where to draw.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli.lens.option;
