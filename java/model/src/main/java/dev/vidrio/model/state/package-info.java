/** Computed states of sequences in files: their addresses, format and directory. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.model.state;
