/**
 * UTF-8 primitives: characters, character sets, and a limit on the work for one text. Not exported.
 */
@NullMarked
package dev.vidrio.tokenizer.text;

import org.jspecify.annotations.NullMarked;
