package dev.vidrio.tokenizer.word;

import dev.vidrio.tokenizer.regex.RegexSearch;
import dev.vidrio.tokenizer.text.WorkLimit;

/**
 * Splits text at the matches of a pattern with a behavior of Hugging Face tokenizers.
 *
 * @param pattern the expression
 * @param behavior the treatment of matches
 * @param invert if true, the gaps count as matches and the matches as gaps
 */
public record SplitStep(RegexSearch pattern, SplitBehavior behavior, boolean invert)
    implements WordSplitter {

  @Override
  public void split(byte[] text, int start, int end, WorkLimit limit, WordSink sink) {
    SplitBehavior.Joiner words = behavior.joiner(text, sink);
    pattern.find(
        text, start, end, limit, (from, to, match) -> words.accept(from, to, match != invert));
    words.finish();
  }
}
