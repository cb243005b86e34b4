/** Edits of activations as people write them on the command line. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.cli.lens.edit;
