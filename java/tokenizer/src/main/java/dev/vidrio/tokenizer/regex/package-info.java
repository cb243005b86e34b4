/**
 * The regular expressions by which text is cut and changed, matched in one pass. The module keeps
 * them to itself.
 */
@NullMarked
package dev.vidrio.tokenizer.regex;

import org.jspecify.annotations.NullMarked;
