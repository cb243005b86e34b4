/** WordPiece and the text normalization of BERT: from text to subwords. Not exported. */
@NullMarked
package dev.vidrio.tokenizer.wordpiece;

import org.jspecify.annotations.NullMarked;
