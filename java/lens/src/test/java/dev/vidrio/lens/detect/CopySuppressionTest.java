package dev.vidrio.lens.detect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.ModelMatrices;
import dev.vidrio.lens.decode.HeadMatrices;
import dev.vidrio.lens.decode.VocabularyProjection;
import dev.vidrio.lens.vector.Vectors;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class CopySuppressionTest extends BardTest {
  private static final int SAMPLES = 12;

  private final int[] tokens = HeadDetection.different(model.tokenizer(), new Random(3), SAMPLES);

  /** Scores x W_QK yᵀ of whole vectors; the scale of a query changes no order. */
  @Test
  @Tag("long")
  void attendsWhereOwnKeyHasHighestScore() {
    List<CopySuppression> found = CopySuppression.of(lens, SAMPLES, 3);
    assertEquals(32, found.size());
    ModelMatrices matrices = ModelMatrices.of(lens);
    HookPoint logits = HookPoint.of(HookSite.LOGITS);
    float[][] rows = matrices.rows(logits, 0, matrices.height(logits));
    float[] gain = matrices.gainBefore(logits);
    boolean any = false;
    for (CopySuppression head : found) {
      HeadMatrices qk = HeadMatrices.of(lens, head.layer(), head.head());
      int attended = 0;
      for (int t : tokens) {
        float[] x = new float[rows.length];
        for (int j = 0; j < x.length; j++) {
          x[j] = gain[j] * rows[j][t];
        }
        float[] direction = qk.attended(x);
        int best = -1;
        double most = Double.NEGATIVE_INFINITY;
        for (int s : tokens) {
          float[] key = VocabularyProjection.embedding(lens, head.layer(), s);
          double score = Vectors.dot(direction, key);
          if (score > most) {
            most = score;
            best = s;
          }
        }
        attended += best == t ? 1 : 0;
      }
      assertEquals(attended / (double) SAMPLES, head.attends(), head.name());
      any |= attended > 0;
    }
    assertTrue(any);
  }

  @Test
  void suppressesWhatNegativeCopyingCounts() {
    List<CopySuppression> found = CopySuppression.of(lens, SAMPLES, 3);
    List<OvScores> scores = OvScores.of(lens, SAMPLES, 3);
    for (int i = 0; i < found.size(); i++) {
      CopySuppression head = found.get(i);
      assertEquals(scores.get(i).name(), head.name());
      assertEquals(scores.get(i).negativeCopying(), head.suppresses());
      assertTrue(head.both() <= Math.min(head.attends(), head.suppresses()));
    }
    assertThrows(InvalidInputException.class, () -> CopySuppression.of(lens, 1, 3));
  }
}
