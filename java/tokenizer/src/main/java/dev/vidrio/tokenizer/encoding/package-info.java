/**
 * What the models that turn text into tokens have in common: what they are, the list that they
 * append to, and how they find tokens. The module keeps it to itself.
 */
@NullMarked
package dev.vidrio.tokenizer.encoding;

import org.jspecify.annotations.NullMarked;
