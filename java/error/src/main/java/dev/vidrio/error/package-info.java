/**
 * The exceptions that every module throws for invalid files and input.
 *
 * <p>All extend {@link dev.vidrio.error.ModelException}, which is sealed. Each names the file or
 * field, the value found and the limit, in one printable line. {@link
 * dev.vidrio.error.SimilarNames} finds the suggestions for mistyped names.
 */
@NullMarked
package dev.vidrio.error;

import org.jspecify.annotations.NullMarked;
