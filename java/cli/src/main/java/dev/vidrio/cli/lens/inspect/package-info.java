/**
 * Commands that show what a model computes: logit lens, direct logit attribution, attention, norms.
 */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli.lens.inspect;
