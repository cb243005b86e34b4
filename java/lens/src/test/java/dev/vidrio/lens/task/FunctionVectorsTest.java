package dev.vidrio.lens.task;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.ModelMatrices;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Hook;
import dev.vidrio.lens.task.FunctionVectors.Options;
import dev.vidrio.lens.task.FunctionVectors.Result;
import dev.vidrio.lens.task.Task.Pair;
import dev.vidrio.lens.task.Task.Prompt;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The definitions by code in the middle of the pass, one run after the other. */
class FunctionVectorsTest extends BardTest {
  private static final Task FIRST =
      new Task(
          "first",
          List.of(
              new Pair("king", "queen"),
              new Pair("man", "wife"),
              new Pair("lord", "lady"),
              new Pair("son", "child"),
              new Pair("duke", "friend"),
              new Pair("day", "night")));
  private static final Task SECOND =
      new Task(
          "second",
          List.of(
              new Pair("love", "hate"),
              new Pair("life", "death"),
              new Pair("good", "ill"),
              new Pair("old", "young"),
              new Pair("true", "false"),
              new Pair("fair", "foul")));
  private static final Options OPTIONS = new Options(2, 2, 3, 5);

  private static List<Prompt> prompts(Task task, boolean mixed) {
    Task order = task.shuffled(5);
    return new Task(task.name(), order.pairs().subList(0, 4))
        .prompts(model, 2, 2, mixed, mixed ? 7 : 6);
  }

  private static float[] mean(List<Prompt> prompts, HookPoint point) {
    var mean = new float[256];
    for (Prompt prompt : prompts) {
      float[] row = lens.row(prompt.tokens(), point, prompt.tokens().length - 1);
      for (int j = 0; j < row.length; j++) {
        mean[j] += row[j] / prompts.size();
      }
    }
    return mean;
  }

  /** Returns the logits after the last row at a point has been changed. */
  private static float[] logits(Prompt prompt, HookPoint point, UnaryOperator<float[]> change) {
    int last = prompt.tokens().length - 1;
    Hook hook =
        rows -> {
          for (int i = 0; i < rows.size(); i++) {
            if (rows.position(i) == last) {
              float[] row = change.apply(rows.row(i).toArray(JAVA_FLOAT));
              MemorySegment.copy(row, 0, rows.row(i), JAVA_FLOAT, 0, row.length);
            }
          }
        };
    try (ActivationCache cache =
        lens.run(prompt.tokens(), Capture.of("unembed.hook_out").last(1), Map.of(point, hook))) {
      return cache.get(HookSite.LOGITS).data().toArray(JAVA_FLOAT);
    }
  }

  private static double probability(Prompt prompt, float[] logits) {
    return Metric.probability(prompt.answer()).of(MemorySegment.ofArray(logits));
  }

  private static boolean right(Prompt prompt, float[] logits) {
    int best =
        IntStream.range(0, logits.length)
            .boxed()
            .max(Comparator.comparingDouble(w -> logits[w]))
            .orElseThrow();
    return best == prompt.answer();
  }

  @Test
  void effectsEqualSingleRuns() {
    FunctionVectors actual = FunctionVectors.of(lens, List.of(FIRST, SECOND), OPTIONS);
    assertEquals(32, actual.heads().size());
    for (int[] head : new int[][] {{0, 1}, {3, 6}}) {
      var point = new HookPoint(HookSite.Z, head[0]);
      double effect = 0;
      for (Task task : List.of(FIRST, SECOND)) {
        float[] mean = mean(prompts(task, false), point);
        for (Prompt prompt : prompts(task, true)) {
          double before = probability(prompt, logits(prompt, point, row -> row));
          float[] after =
              logits(
                  prompt,
                  point,
                  row -> {
                    System.arraycopy(mean, 32 * head[1], row, 32 * head[1], 32);
                    return row;
                  });
          effect += (probability(prompt, after) - before) / 4;
        }
      }
      int index = 8 * head[0] + head[1];
      assertEquals(effect, actual.effects().get(index).mean(), 1e-7);
      assertEquals(4, actual.effects().get(index).count());
    }
    List<Integer> ranked =
        IntStream.range(0, 32)
            .boxed()
            .sorted(Comparator.comparingDouble(h -> -actual.effects().get(h).mean()))
            .limit(3)
            .toList();
    assertEquals(ranked, actual.selected());
  }

  /** The vector is the sum of W_O times the mean activations of the heads. */
  @Test
  void vectorsAndAccuraciesEqualSingleRuns() {
    FunctionVectors all = FunctionVectors.of(lens, List.of(FIRST, SECOND), OPTIONS);
    Result actual = all.tasks().getFirst();
    List<Prompt> clean = prompts(FIRST, false);
    var vector = new float[256];
    for (int head : all.selected()) {
      var out = new HookPoint(HookSite.ATTN_OUT, head / 8);
      float[] mean = mean(clean, new HookPoint(HookSite.Z, head / 8));
      float[][] rows = ModelMatrices.of(lens).rows(out, 32 * (head % 8), 32);
      for (int i = 0; i < 32; i++) {
        for (int j = 0; j < 256; j++) {
          vector[j] += mean[32 * (head % 8) + i] * rows[i][j];
        }
      }
    }
    double size = 0;
    for (float value : vector) {
      size = Math.max(size, Math.abs(value));
    }
    for (int j = 0; j < 256; j++) {
      assertEquals(vector[j], actual.vector().get(j), 0.02 * size); // int8 inputs
    }
    List<Pair> order = FIRST.shuffled(5).pairs();
    double[] expected = new double[3];
    for (Pair query : order.subList(4, 6)) {
      Prompt alone = new Task("", order.subList(0, 4)).prompt(model, query, 0, false, 0);
      var point = new HookPoint(HookSite.RESID_POST, 2);
      float[] stream = mean(clean, point);
      expected[0] += right(alone, logits(alone, point, row -> row)) ? 0.5 : 0;
      expected[1] +=
          right(alone, logits(alone, point, row -> plus(row, actual.vector()))) ? 0.5 : 0;
      expected[2] += right(alone, logits(alone, point, row -> stream)) ? 0.5 : 0;
    }
    assertEquals(expected[0], actual.alone().mean());
    assertEquals(expected[1], actual.withVector().get(2).mean());
    assertEquals(expected[2], actual.withTaskVector().get(2).mean());
    assertEquals(2, actual.alone().count());
  }

  private static float[] plus(float[] a, List<Float> b) {
    float[] sum = a.clone();
    for (int j = 0; j < sum.length; j++) {
      sum[j] += b.get(j);
    }
    return sum;
  }

  @Test
  void promptsHaveDifferentPairs() {
    Task task = new Task("t", FIRST.pairs());
    for (Prompt prompt : task.prompts(model, 5, 3, false, 1)) {
      String text = model.tokenizer().decode(prompt.tokens());
      assertTrue(text.strip().endsWith("A:"), text);
      assertEquals(4, text.split("Q: ").length - 1);
      List<String> inputs = new ArrayList<>();
      for (Pair pair : FIRST.pairs()) {
        if (text.contains("Q: " + pair.input() + "\n")) {
          inputs.add(pair.input());
        }
      }
      assertEquals(4, new HashSet<>(inputs).size(), text);
    }
    assertNotEquals(FIRST.shuffled(1).pairs(), FIRST.shuffled(2).pairs());
  }

  private static void refused(String expected, Runnable action) {
    String message = assertThrows(InvalidInputException.class, action::run).getMessage();
    assertTrue(message.contains(expected), message);
  }

  @Test
  void rejectsInvalidTasks() {
    refused("tasks 0", () -> FunctionVectors.of(lens, List.of(), OPTIONS));
    refused(
        "pairs of task first 6: must be at least",
        () -> FunctionVectors.of(lens, List.of(FIRST), new Options(4, 1, 1, 0)));
    refused(
        "heads 33: must be 1 to 32",
        () -> FunctionVectors.of(lens, List.of(FIRST), new Options(2, 1, 33, 0)));
    refused("input  : must not be empty", () -> new Pair(" ", "a"));
  }
}
