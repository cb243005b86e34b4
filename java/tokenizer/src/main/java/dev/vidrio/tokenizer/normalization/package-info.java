/**
 * How text is changed before it is cut, and how tokens spell it: steps of pipelines, the spaces of
 * SentencePiece, the bytes of GPT-2. The module keeps it to itself.
 */
@NullMarked
package dev.vidrio.tokenizer.normalization;

import org.jspecify.annotations.NullMarked;
