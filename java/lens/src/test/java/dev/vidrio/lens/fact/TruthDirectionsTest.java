package dev.vidrio.lens.fact;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.F32BardTest;
import dev.vidrio.lens.fact.TruthDirections.Pair;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class TruthDirectionsTest extends F32BardTest {
  /** Names, as “true” if they end in a queen: a difference that any direction finds. */
  private static final List<String> SUBJECTS =
      List.of("France", "England", "Denmark", "Rome", "Naples", "Egypt");

  private static List<Pair> pairs() {
    return SUBJECTS.stream()
        .map(name -> Pair.of(model, name, "The crown of {} is with the", "queen", "sword"))
        .toList();
  }

  private static float[] stream(String text, int layer) {
    int[] tokens = model.tokenizer().encode(text);
    return lens.row(tokens, new HookPoint(HookSite.RESID_POST, layer), tokens.length - 1);
  }

  @Test
  void directionIsDifferenceOfMeans() {
    TruthDirections truth = TruthDirections.of(lens, pairs(), 3, 0);
    for (int l = 0; l < 4; l++) {
      List<float[]> right = new ArrayList<>();
      List<float[]> wrong = new ArrayList<>();
      for (String name : SUBJECTS) {
        right.add(stream("The crown of " + name + " is with the queen.", l));
        wrong.add(stream("The crown of " + name + " is with the sword.", l));
      }
      for (int j = 0; j < right.getFirst().length; j++) {
        double difference = 0;
        for (int i = 0; i < SUBJECTS.size(); i++) {
          difference += ((double) right.get(i)[j] - wrong.get(i)[j]) / SUBJECTS.size();
        }
        assertEquals(difference, truth.directions().get(l).get(j), 1e-4);
      }
    }
  }

  /** A pair is judged by the means of the other pairs, here one left out at a time. */
  @Test
  void judgesPairsByOtherPairs() {
    TruthDirections truth = TruthDirections.of(lens, pairs(), SUBJECTS.size(), 0);
    int l = 2;
    double right = 0;
    for (String held : SUBJECTS) {
      List<String> others = SUBJECTS.stream().filter(name -> !name.equals(held)).toList();
      double margin = 0;
      double[] of = new double[2];
      for (String name : others) {
        float[] a = stream("The crown of " + name + " is with the queen.", l);
        float[] b = stream("The crown of " + name + " is with the sword.", l);
        float[] x = stream("The crown of " + held + " is with the queen.", l);
        float[] y = stream("The crown of " + held + " is with the sword.", l);
        // The sum over pairs of pairs is the product of sums.
        for (String second : others) {
          float[] c = stream("The crown of " + second + " is with the queen.", l);
          float[] d = stream("The crown of " + second + " is with the sword.", l);
          for (int j = 0; j < a.length; j++) {
            margin += ((double) a[j] - b[j]) * ((double) c[j] + d[j]) / 2;
            of[0] += ((double) a[j] - b[j]) * x[j];
            of[1] += ((double) a[j] - b[j]) * y[j];
          }
        }
      }
      right += (of[0] > margin ? 0.5 : 0) + (of[1] > margin ? 0 : 0.5);
    }
    assertEquals(right / SUBJECTS.size(), truth.accuracy().get(l).mean(), 1e-12);
    assertTrue(truth.accuracy().get(l).mean() > 0.9, truth.accuracy().toString());
    assertTrue(truth.control().get(l).mean() < truth.accuracy().get(l).mean());
  }

  @Test
  void rejectsTooFewPairs() {
    assertThrows(InvalidInputException.class, () -> TruthDirections.of(lens, pairs(), 7, 0));
    assertThrows(InvalidInputException.class, () -> TruthDirections.of(lens, pairs(), 1, 0));
  }
}
