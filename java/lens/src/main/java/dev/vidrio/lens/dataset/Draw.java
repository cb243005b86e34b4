package dev.vidrio.lens.dataset;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.dataset.WordLists.Pair;
import dev.vidrio.model.sampling.SplitMix64;
import dev.vidrio.tokenizer.EncodeOptions;
import dev.vidrio.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Random choices for a data set, and the tokens of its texts. */
final class Draw {
  private static final EncodeOptions BARE = EncodeOptions.DEFAULT.withAddBosEos(false);

  private final Tokenizer tokenizer;
  private final SplitMix64 random;
  private final String dataset;

  /**
   * Creates choices.
   *
   * @param dataset its name, for errors
   */
  Draw(Tokenizer tokenizer, long seed, String dataset) {
    this.tokenizer = tokenizer;
    this.random = new SplitMix64(seed);
    this.dataset = dataset;
  }

  /** Returns the tokenizer. */
  Tokenizer tokenizer() {
    return tokenizer;
  }

  /** Returns a number from 0 to {@code bound} − 1. */
  int below(int bound) {
    return (int) (random.nextDouble() * bound);
  }

  /** Returns a number from {@code first} to {@code last}. */
  int between(int first, int last) {
    return first + below(last - first + 1);
  }

  /** Returns one of several values. */
  <T> T one(List<T> values) {
    return values.get(below(values.size()));
  }

  /** Returns different values, in random order. */
  <T> List<T> different(List<T> values, int count) {
    List<T> rest = new ArrayList<>(values);
    List<T> drawn = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      drawn.add(rest.remove(below(rest.size())));
    }
    return drawn;
  }

  /** Returns the tokens of a part of a text as they follow a letter; none if they merge with it. */
  int[] after(String text) {
    int[] letter = tokenizer.encode("a", BARE);
    int[] both = tokenizer.encode("a" + text, BARE);
    boolean apart =
        both.length >= letter.length
            && Arrays.equals(letter, 0, letter.length, both, 0, letter.length);
    return apart ? Arrays.copyOfRange(both, letter.length, both.length) : new int[0];
  }

  /** Returns the words that are one token after a space. */
  List<String> oneToken(List<String> words, String what, int least) {
    return enough(words.stream().filter(this::isOneToken).toList(), words.size(), what, least);
  }

  /** Returns the pairs of words that are both one token after a space. */
  List<Pair> bothOneToken(List<Pair> pairs, String what, int least) {
    return enough(
        pairs.stream().filter(p -> isOneToken(p.first()) && isOneToken(p.second())).toList(),
        pairs.size(),
        what,
        least);
  }

  /** Returns the pairs with a second word of one token after a space. */
  List<Pair> secondOneToken(List<Pair> pairs, String what, int least) {
    return enough(
        pairs.stream().filter(p -> isOneToken(p.second())).toList(), pairs.size(), what, least);
  }

  private boolean isOneToken(String word) {
    return after(" " + word).length == 1;
  }

  private <T> List<T> enough(List<T> values, int all, String what, int least) {
    if (values.size() < least) {
      throw refused(
          "the vocabulary has "
              + values.size()
              + " of "
              + all
              + " "
              + what
              + " as single tokens; needs "
              + least);
    }
    return values;
  }

  /** Returns the error of a vocabulary that does not allow the data set. */
  InvalidInputException refused(String reason) {
    return new InvalidInputException("data set", dataset, reason);
  }
}
