/**
 * Model files for tests: a tiny model, the embedded model's reference outputs, and hostile files.
 * Other modules' tests use this package too.
 */
@NullMarked
package dev.vidrio.formats.testfiles;

import org.jspecify.annotations.NullMarked;
