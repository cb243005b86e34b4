package dev.vidrio.lens.detect;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** OV circuits against runs of one token, which can attend to itself alone. */
class OvScoresTest extends BardTest {
  private static final Set<HookSite> MIXERS = EnumSet.of(HookSite.ATTN_OUT, HookSite.RECURRENT_OUT);

  @TempDir Path directory;

  /** The logits of what a head makes of a token, by edits. */
  private static float[] expected(Lens lens, int token, int layer, int head) {
    int[] text = {token};
    int last = lens.model().architecture().layers() - 1;
    HookMap hooks = HookMap.of(lens.model());
    HookPoint first = new HookPoint(HookSite.RESID_POST, hooks.firstMlp().orElseThrow());
    List<Intervention> alone =
        hooks.points().stream()
            .filter(point -> MIXERS.contains(point.site()) && point.layer() <= first.layer())
            .map(Intervention::zero)
            .toList();
    float[] embedding;
    try (ActivationCache cache = lens.run(text, Capture.of(first.name()), alone)) {
      embedding = cache.get(first).row(0);
    }
    HookPoint input = new HookPoint(HookSite.RESID_PRE, layer);
    HookPoint result = new HookPoint(HookSite.RESULT, layer);
    float[] written = new float[embedding.length];
    try (ActivationCache cache =
        lens.run(text, Capture.of(result.name()), List.of(Intervention.set(input, embedding)))) {
      System.arraycopy(cache.get(result).row(0), head * written.length, written, 0, written.length);
    }
    HookPoint stream = new HookPoint(HookSite.RESID_POST, last);
    try (ActivationCache cache =
        lens.run(
            text, Capture.of("unembed.hook_out"), List.of(Intervention.set(stream, written)))) {
      return cache.get(HookSite.LOGITS).row(0);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama", "gptneox", "mpt", "qwen3", "nemotron_h", "nemotron_h_moe"})
  void ovCircuitsMatchRunsOfOneToken(String name) throws IOException {
    try (Model tiny = Model.open(TinyModels.write(directory.resolve(name + ".gguf"), name))) {
      Lens of = Lens.of(tiny);
      int[] tokens = {7, 3, 11};
      Map<List<Integer>, float[]> logits = new HashMap<>();
      HookMap hooks = HookMap.of(tiny);
      OvCircuits.logits(
          of, tokens, (l, h, i, row) -> logits.put(List.of(l, h, i), row.toArray(JAVA_FLOAT)));
      assertEquals(
          3 * IntStream.range(0, tiny.architecture().layers()).map(hooks::heads).sum(),
          logits.size());
      for (List<Integer> key : List.of(List.of(0, 1, 0), List.of(1, 0, 2), List.of(1, 3, 1))) {
        if (hooks.heads(key.getFirst()) > 0) {
          float[] expected = expected(of, tokens[key.get(2)], key.get(0), key.get(1));
          assertArrayEquals(expected, logits.get(key), 1e-4f, key.toString());
        }
      }
    }
  }

  @Test
  void countsHeadPredictions() {
    int samples = 6;
    List<OvScores> scores = OvScores.of(lens, samples, 3);
    assertEquals(32, scores.size());
    OvScores any = scores.get(2 * 8 + 5);
    assertEquals("L2.H5", any.name());
    int[] tokens = HeadDetection.different(model.tokenizer(), new Random(3), samples);
    double copied = 0;
    double suppressed = 0;
    for (int token : tokens) {
      float[] logits = expected(lens, token, 2, 5);
      List<Integer> ranked = new ArrayList<>(IntStream.range(0, logits.length).boxed().toList());
      ranked.sort((a, b) -> Float.compare(logits[b], logits[a]));
      copied += ranked.indexOf(token) < 5 ? 1 : 0;
      suppressed += ranked.indexOf(token) >= logits.length - 5 ? 1 : 0;
    }
    assertEquals(copied / samples, any.copying());
    assertEquals(suppressed / samples, any.negativeCopying());
    assertEquals(scores, OvScores.of(lens, samples, 3));
    assertThrows(InvalidInputException.class, () -> OvScores.of(lens, 0, 3));
  }

  /** A vocabulary of 64 tokens has no hundred; the texts of head detection fit into it too. */
  @Test
  void smallVocabulariesAreReadWhole() throws IOException {
    try (Model tiny = Model.open(TinyModels.write(directory.resolve("mpt.gguf"), "mpt"))) {
      Lens of = Lens.of(tiny);
      int there = HeadDetection.ordinary(tiny.tokenizer());
      assertEquals(OvScores.of(of, there, 3), OvScores.of(of, 100, 3));
      assertThrows(InvalidInputException.class, () -> HeadDetection.of(of, 1, there + 1, 3));
    }
  }
}
