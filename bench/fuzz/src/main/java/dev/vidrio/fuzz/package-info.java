/**
 * Fuzzing harnesses of everything that parses bytes of others. Each harness is a class with
 * Jazzer's entry point and seeds, so that it also runs without Jazzer. See docs/reliability.md.
 */
@NullMarked
package dev.vidrio.fuzz;

import org.jspecify.annotations.NullMarked;
