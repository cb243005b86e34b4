package dev.vidrio.lens.detect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.model.Model;
import java.util.Arrays;
import java.util.Random;
import java.util.function.IntUnaryOperator;
import org.junit.jupiter.api.Test;

class HeadScoresTest {
  /** BOS and twice four tokens. */
  private static final int[] REPEATED = {0, 5, 6, 7, 8, 5, 6, 7, 8};

  /** A head that looks from each position at one only. */
  private static HeadScores looking(IntUnaryOperator keyOf) {
    int n = REPEATED.length;
    var pattern = new float[n * n];
    for (int i = 0; i < n; i++) {
      pattern[i * n + keyOf.applyAsInt(i)] = 1;
    }
    return HeadScores.of(2, 3, pattern, REPEATED, 0);
  }

  @Test
  void scoresHeadsByAttendedPosition() {
    assertEquals(1, looking(i -> i).current());
    assertEquals(1, looking(i -> Math.max(0, i - 1)).previous());
    assertEquals(1, looking(i -> 0).first());
    HeadScores duplicate = looking(i -> i > 4 ? i - 4 : 0);
    assertEquals(1, duplicate.duplicate());
    assertEquals(0, duplicate.induction());
    HeadScores induction = looking(i -> i > 4 ? i - 3 : 0);
    assertEquals(1, induction.induction());
    assertEquals(0, induction.duplicate());
    assertEquals(0.5, induction.first());
    assertEquals(0, induction.entropy());
    assertEquals("L2.H3", induction.name());
  }

  /** Even attention: row i has log2(i + 1) bits, and 1 / (i + 1) everywhere. */
  @Test
  void evenAttention() {
    int n = REPEATED.length;
    var pattern = new float[n * n];
    double entropy = 0;
    double each = 0;
    double repeated = 0;
    for (int i = 0; i < n; i++) {
      Arrays.fill(pattern, i * n, i * n + i + 1, 1f / (i + 1));
      entropy += i == 0 ? 0 : Math.log(i + 1) / Math.log(2) / (n - 1);
      each += i == 0 ? 0 : 1.0 / (i + 1) / (n - 1);
      repeated += i <= 4 ? 0 : 1.0 / (i + 1) / 4;
    }
    HeadScores scores = HeadScores.of(0, 0, pattern, REPEATED, 0);
    assertEquals(entropy, scores.entropy(), 1e-6);
    assertEquals(each, scores.current(), 1e-7);
    assertEquals(each, scores.previous(), 1e-7);
    assertEquals(each, scores.first(), 1e-7);
    assertEquals(repeated, scores.duplicate(), 1e-7);
    assertEquals(repeated, scores.induction(), 1e-7);
  }

  /** Scores of a slice of queries, and where nothing repeats. */
  @Test
  void scoresOnlyQueriesOfSlice() {
    float[] pattern = {0, 0, 1, 0, 0.25f, 0, 0.5f, 0.25f};
    HeadScores scores = HeadScores.of(0, 0, pattern, new int[] {1, 2, 3, 4}, 2);
    assertEquals(0.625, scores.current());
    assertEquals(0.25, scores.previous());
    assertEquals(0.125, scores.first());
    assertTrue(Double.isNaN(scores.induction()));
    assertTrue(Double.isNaN(scores.duplicate()));
  }

  /** On [BOS, r, r] the scores are means of diagonals, here read off the cache one by one. */
  @Test
  void repeatedRandomTokensGiveDiagonals() {
    try (Model model = Model.open(BardFiles.q8())) {
      Lens lens = Lens.of(model);
      int[] text = HeadDetection.text(model.tokenizer(), new Random(7), 20);
      assertEquals(41, text.length);
      HeadDetection detection = HeadDetection.of(lens, 1, 20, 7);
      assertEquals(4 * 8, detection.heads().size());
      try (ActivationCache cache = lens.run(text, Capture.of("blocks.2.attn.hook_pattern"))) {
        Activation pattern = cache.get("blocks.2.attn.hook_pattern");
        for (int h = 0; h < 8; h++) {
          double duplicate = 0;
          double induction = 0;
          for (int i = 21; i < 41; i++) {
            duplicate += pattern.at(h, i, i - 20) / 20;
            induction += pattern.at(h, i, i - 19) / 20;
          }
          HeadScores scores = detection.heads().get(2 * 8 + h);
          assertEquals(duplicate, scores.duplicate(), 1e-7);
          assertEquals(induction, scores.induction(), 1e-7);
        }
      }
      assertEquals(detection, HeadDetection.of(lens, 1, 20, 7));
      double best = detection.ranked(HeadScores::first).getFirst().first();
      assertEquals(0, detection.sinkRate(best));
      assertTrue(detection.sinkRate(best - 1e-3) > 0);
      assertThrows(InvalidInputException.class, () -> HeadDetection.of(lens, 0, 20, 7));
      assertThrows(InvalidInputException.class, () -> HeadDetection.of(lens, 1, 512, 7));
    }
  }
}
