/** Broken model files, one for each fault that readers must detect. */
@NullMarked
package dev.vidrio.formats.testfiles.hostile;

import org.jspecify.annotations.NullMarked;
