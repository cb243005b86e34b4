/**
 * Text as UTF-8: its characters, sets of them, and a limit to the work on one text. The module
 * keeps it to itself.
 */
@NullMarked
package dev.vidrio.tokenizer.text;

import org.jspecify.annotations.NullMarked;
