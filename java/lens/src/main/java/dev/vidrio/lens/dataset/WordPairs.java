package dev.vidrio.lens.dataset;

import dev.vidrio.lens.dataset.WordLists.Pair;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Pairs of words, such as countries and their capitals: a text names the first word, and the answer
 * is the second. The corrupted text names the first word of another pair.
 */
final class WordPairs implements Dataset.Generator {
  private final Draw draw;
  private final List<String> templates;
  private final String slot;
  private final List<Pair> pairs;
  private final boolean symmetric;

  /**
   * Creates the generator.
   *
   * @param name of the word lists
   * @param slot of the first word in the templates
   * @param section of the pairs
   * @param symmetric whether each word of a pair is the answer to the other
   */
  WordPairs(Draw draw, String name, String slot, String section, boolean symmetric) {
    this.draw = draw;
    var words = new WordLists(name + ".txt");
    this.templates = words.lines("templates");
    this.slot = slot;
    this.symmetric = symmetric;
    List<Pair> all = words.pairs(section);
    this.pairs =
        symmetric
            ? draw.bothOneToken(all, "pairs of words", 2)
            : draw.secondOneToken(all, "answers", 2);
  }

  @Override
  public @Nullable PairText next() {
    List<Pair> drawn = draw.different(pairs, 2);
    Pair clean = maybeSwapped(drawn.get(0));
    Pair corrupted = maybeSwapped(drawn.get(1));
    if (clean.second().equals(corrupted.second()) || clean.first().equals(corrupted.first())) {
      return null;
    }
    String template = draw.one(templates);
    return new PairText(
        template.replace(slot, clean.first()),
        template.replace(slot, corrupted.first()),
        List.of(" " + clean.second()),
        List.of(" " + corrupted.second()));
  }

  private Pair maybeSwapped(Pair pair) {
    return symmetric && draw.below(2) == 0 ? pair.swapped() : pair;
  }
}
