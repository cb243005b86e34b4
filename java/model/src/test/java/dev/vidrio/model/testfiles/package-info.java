/**
 * Model files for tests: sound ones, a tiny model, and hostile ones of every kind. It is a package
 * of its own so that other modules' tests can have it too.
 */
@NullMarked
package dev.vidrio.model.testfiles;

import org.jspecify.annotations.NullMarked;
