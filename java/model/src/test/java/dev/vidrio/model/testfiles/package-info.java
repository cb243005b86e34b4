/**
 * Model files for tests, a tiny model, and instrumented executors, in a separate package so that
 * tests of other modules can use them.
 */
@NullMarked
package dev.vidrio.model.testfiles;

import org.jspecify.annotations.NullMarked;
