package dev.vidrio.tokenizer.word;

import dev.vidrio.tokenizer.regex.RegexSearch;
import dev.vidrio.tokenizer.text.WorkLimit;

/**
 * Splits text before and after each match of a regular expression.
 *
 * @param pattern the expression
 */
public record PatternSplitter(RegexSearch pattern) implements WordSplitter {

  @Override
  public void split(byte[] text, int start, int end, WorkLimit limit, WordSink sink) {
    pattern.find(text, start, end, limit, (from, to, match) -> sink.accept(text, from, to));
  }
}
