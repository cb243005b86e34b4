package dev.vidrio.tokenizer.normalization;

import dev.vidrio.tokenizer.text.WorkLimit;
import java.util.Arrays;
import java.util.List;

/** Transforms text before it is split into words, or a token's spelling into its text. */
@FunctionalInterface
public interface TextTransform {

  /** Returns the transform of the text from {@code start} to before {@code end}. */
  byte[] apply(byte[] text, int start, int end);

  /** Returns the transform of a whole text. */
  default byte[] apply(byte[] text) {
    return apply(text, 0, text.length);
  }

  /** Returns the composition of transforms, in order; the identity if there are none. */
  static TextTransform sequence(List<TextTransform> steps) {
    return (text, start, end) -> {
      byte[] changed = Arrays.copyOfRange(text, start, end);
      WorkLimit limit = new WorkLimit(changed.length);
      for (TextTransform step : steps) {
        changed = step.apply(changed);
        limit.add(changed.length);
      }
      return changed;
    };
  }
}
