/** Model files that are broken, in each of the ways that whoever reads them has to notice. */
@NullMarked
package dev.vidrio.formats.testfiles.hostile;

import org.jspecify.annotations.NullMarked;
