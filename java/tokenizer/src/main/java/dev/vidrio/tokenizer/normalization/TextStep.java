package dev.vidrio.tokenizer.normalization;

import dev.vidrio.tokenizer.text.Meter;
import java.util.Arrays;
import java.util.List;

/** Changes text before it is cut into words, or a token's spelling into its text. */
@FunctionalInterface
public interface TextStep {

  /** Returns what becomes of the text from {@code start} to before {@code end}. */
  byte[] apply(byte[] text, int start, int end);

  /** Returns what becomes of a text. */
  default byte[] apply(byte[] text) {
    return apply(text, 0, text.length);
  }

  /** Returns one step after the other; nothing, if there is none. */
  static TextStep inTurn(List<TextStep> steps) {
    return (text, start, end) -> {
      byte[] changed = Arrays.copyOfRange(text, start, end);
      Meter meter = new Meter(changed.length);
      for (TextStep step : steps) {
        changed = step.apply(changed);
        meter.add(changed.length);
      }
      return changed;
    };
  }
}
