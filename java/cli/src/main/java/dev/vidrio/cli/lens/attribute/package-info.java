/** Commands that share out an answer among the tokens of its text. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli.lens.attribute;
