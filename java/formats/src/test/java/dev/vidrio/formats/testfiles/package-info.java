/**
 * Model files for tests, a tiny model, and executors that are watched. It is a package of its own
 * so that other modules' tests can have it too.
 */
@NullMarked
package dev.vidrio.formats.testfiles;

import org.jspecify.annotations.NullMarked;
