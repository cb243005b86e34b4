/** Edits of activations that are written as text. */
@org.jspecify.annotations.NullMarked
package dev.vidrio.lens.edit;
