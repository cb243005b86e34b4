/** The exceptions that every module throws for invalid files and input. */
@NullMarked
package dev.vidrio.error;

import org.jspecify.annotations.NullMarked;
