/** Compiled examples of the documentation. */
@NullMarked
package dev.vidrio.formats;

import org.jspecify.annotations.NullMarked;
