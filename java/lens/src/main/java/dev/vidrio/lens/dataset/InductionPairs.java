package dev.vidrio.lens.dataset;

import dev.vidrio.tokenizer.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Induction (Olsson et al. 2022, arXiv 2209.11895): random words and their beginning again, {@code
 * w_1 … w_k w_1 … w_j}, to be continued by {@code w_{j+1}}. In the corrupted text another word u is
 * at the first position of the answer, and the wrong answer is u. Words are tokens of lower-case
 * letters after a space.
 */
final class InductionPairs implements Dataset.Generator {
  /** k. */
  private static final int LENGTH = 12;

  private final Draw draw;
  private final List<String> words;

  InductionPairs(Draw draw) {
    this.draw = draw;
    Tokenizer tokenizer = draw.tokenizer();
    List<String> found = new ArrayList<>();
    for (int id = 0; id < tokenizer.vocabularySize(); id++) {
      String text = new String(tokenizer.bytes(id), StandardCharsets.UTF_8);
      if (text.matches(" [a-z]{3,12}")) {
        found.add(text.substring(1));
      }
    }
    this.words = draw.oneToken(found, "words", LENGTH + 1);
  }

  @Override
  public PairText next() {
    List<String> drawn = draw.different(words, LENGTH + 1);
    String other = drawn.removeLast();
    int answer = draw.between(LENGTH / 2, LENGTH - 1);
    List<String> repeated = drawn.subList(0, answer);
    List<String> changed = new ArrayList<>(drawn);
    changed.set(answer, other);
    return new PairText(
        text(drawn, repeated),
        text(changed, repeated),
        List.of(" " + drawn.get(answer)),
        List.of(" " + other));
  }

  private static String text(List<String> first, List<String> again) {
    return String.join(" ", first) + " " + String.join(" ", again);
  }
}
