package dev.vidrio.tokenizer.word;

import dev.vidrio.tokenizer.regex.RegexSearch;
import dev.vidrio.tokenizer.text.Meter;

/**
 * Cuts text at the matches of a pattern, in any of the ways of Hugging Face tokenizers.
 *
 * @param pattern what to look for
 * @param behavior what becomes of matches
 * @param invert whether what lies between the matches counts as a match, and the reverse
 */
public record SplitStep(RegexSearch pattern, SplitBehavior behavior, boolean invert)
    implements WordSplitter {

  @Override
  public void split(byte[] text, int start, int end, Meter meter, WordSink sink) {
    SplitBehavior.Joiner words = behavior.joiner(text, sink);
    pattern.find(
        text, start, end, meter, (from, to, match) -> words.accept(from, to, match != invert));
    words.finish();
  }
}
