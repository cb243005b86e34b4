/** Parses edits of activations on the command line. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli.lens.edit;
