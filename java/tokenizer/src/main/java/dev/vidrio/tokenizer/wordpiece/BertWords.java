package dev.vidrio.tokenizer.wordpiece;

import dev.vidrio.tokenizer.text.Utf8;
import dev.vidrio.tokenizer.text.WorkLimit;
import dev.vidrio.tokenizer.word.WordSplitter;

/**
 * The words of BERT, {@code BertPreTokenizer} in {@code tokenizer.json}: runs of characters without
 * white space; each punctuation character is a word.
 */
public final class BertWords implements WordSplitter {

  /** Creates the splitter. */
  public BertWords() {}

  @Override
  public void split(byte[] text, int start, int end, WorkLimit limit, WordSink sink) {
    int word = start;
    int pos = start;
    while (pos < end) {
      int length = Utf8.lengthAt(text, pos, end);
      int c = Utf8.codePointAt(text, pos, end);
      boolean space = BertCharacters.isSpace(c);
      if (space || BertCharacters.isPunctuation(c)) {
        if (word < pos) {
          sink.accept(text, word, pos);
        }
        word = pos + length;
        if (!space) {
          sink.accept(text, pos, word);
        }
      }
      pos += length;
    }
    if (word < end) {
      sink.accept(text, word, end);
    }
  }
}
