package dev.vidrio.grammar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.tokenizer.Tokenizer;
import java.io.ByteArrayOutputStream;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Generates random texts from the tokens that masks allow, approaching an end after a number of
 * tokens.
 */
public final class RandomWalk {

  /** Texts that close something, in order of preference. */
  private static final String[] ENDING = {"\"", "b", "}", "]", "0", "a", ":", ",", "e", "l", "1"};

  private final Tokenizer tokenizer;
  private final Map<Integer, Integer> ending = new HashMap<>();

  public RandomWalk(Tokenizer tokenizer) {
    this.tokenizer = tokenizer;
    for (int id = 0; id < tokenizer.vocabularySize(); id++) {
      int rank = Arrays.asList(ENDING).indexOf(tokenizer.piece(id));
      if (rank >= 0 && !tokenizer.isSpecial(id)) {
        ending.put(id, rank);
      }
    }
  }

  public static int[] allowed(long[] mask) {
    return IntStream.range(0, mask.length * 64)
        .filter(id -> (mask[id / 64] >>> id & 1) != 0)
        .toArray();
  }

  /** Returns the text, if it is complete. */
  public Optional<byte[]> text(TokenConstraint constraint, int tokens, SplittableRandom random) {
    ByteArrayOutputStream text = new ByteArrayOutputStream();
    ConstraintState state = constraint.start();
    for (int i = 0; i < 3 * tokens; i++) {
      int[] allowed = allowed(state.mask());
      boolean end = Arrays.stream(allowed).anyMatch(tokenizer::isEndOfGeneration);
      assertEquals(state.mayEnd(), end);
      if (end && (state.mustEnd() || random.nextInt(4) == 0 || i > tokens)) {
        return Optional.of(text.toByteArray());
      }
      int next = next(allowed, i > tokens, random);
      assertTrue(state.allows(next));
      state = state.after(next);
      text.writeBytes(tokenizer.bytes(next));
    }
    return Optional.empty();
  }

  private int next(int[] allowed, boolean towardsEnd, SplittableRandom random) {
    int[] texts = Arrays.stream(allowed).filter(id -> !tokenizer.isEndOfGeneration(id)).toArray();
    int best = -1;
    int bestRank = ENDING.length;
    for (int id : texts) {
      int rank = ending.getOrDefault(id, ENDING.length);
      best = rank < bestRank ? id : best;
      bestRank = Math.min(rank, bestRank);
    }
    boolean takeBest = best >= 0 && (towardsEnd ? random.nextInt(8) > 0 : random.nextInt(4) == 0);
    return takeBest ? best : texts[random.nextInt(texts.length)];
  }
}
