package dev.vidrio.tokenizer.word;

import dev.vidrio.tokenizer.regex.RegexSearch;
import dev.vidrio.tokenizer.text.Meter;

/**
 * Cuts text before and after each match of a regular expression.
 *
 * @param pattern what to look for
 */
public record PatternSplitter(RegexSearch pattern) implements WordSplitter {

  @Override
  public void split(byte[] text, int start, int end, Meter meter, WordSink sink) {
    pattern.find(text, start, end, meter, (from, to, match) -> sink.accept(text, from, to));
  }
}
