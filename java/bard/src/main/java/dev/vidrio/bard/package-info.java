/** The embedded model: 3.7 million parameters trained on Shakespeare. */
@NullMarked
package dev.vidrio.bard;

import org.jspecify.annotations.NullMarked;
