package dev.vidrio.lens.detect;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.detect.UniversalNeurons.Match;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UniversalNeuronsTest extends BardTest {
  private static final List<int[]> TEXTS =
      List.of(new int[] {3, 5, 7, 5, 9, 11, 4}, new int[] {4, 5, 6, 8, 3});

  @TempDir Path directory;

  private Model open(String name) throws IOException {
    return Model.open(TinyModels.write(directory.resolve(name + ".gguf"), name));
  }

  /** Activations of all neurons of a layer, [n][neurons]. */
  private static List<float[]> activations(Lens of, int layer) {
    HookPoint post = new HookPoint(HookSite.POST, layer);
    List<float[]> rows = new ArrayList<>();
    for (int[] text : TEXTS) {
      try (ActivationCache cache = of.run(text, Capture.of(post.name()))) {
        rows.addAll(List.of(cache.get(post).rows()).subList(1, text.length));
      }
    }
    return rows;
  }

  private static double correlation(List<float[]> a, int u, List<float[]> b, int v) {
    double meanA = a.stream().mapToDouble(row -> row[u]).average().orElseThrow();
    double meanB = b.stream().mapToDouble(row -> row[v]).average().orElseThrow();
    double ab = 0;
    double aa = 0;
    double bb = 0;
    for (int i = 0; i < a.size(); i++) {
      double x = a.get(i)[u] - meanA;
      double y = b.get(i)[v] - meanB;
      ab += x * y;
      aa += x * x;
      bb += y * y;
    }
    return ab / Math.sqrt(aa * bb);
  }

  @Test
  void matchesHaveHighestCorrelation() throws IOException {
    try (Model llama = open("llama");
        Model qwen = open("qwen3")) {
      Lens first = Lens.of(llama);
      Lens other = Lens.of(qwen);
      UniversalNeurons found = UniversalNeurons.of(first, other, TEXTS, 1);
      assertEquals(10, found.tokens());
      List<float[]> own = activations(first, 1);
      for (int u : new int[] {0, 5, 11}) {
        Match match = found.matches().get(u);
        double most = -1;
        for (int l = 0; l < qwen.architecture().layers(); l++) {
          List<float[]> theirs = activations(other, l);
          for (int v = 0; v < theirs.getFirst().length; v++) {
            most = Math.max(most, correlation(own, u, theirs, v));
          }
        }
        assertEquals(most, match.correlation(), 1e-4);
        List<float[]> theirs = activations(other, match.layer());
        assertEquals(most, correlation(own, u, theirs, match.other()), 1e-4);
      }
      List<Match> ranked = found.ranked();
      assertTrue(ranked.getFirst().correlation() >= ranked.get(1).correlation());
    }
  }

  @Test
  void modelMatchesItself() throws IOException {
    try (Model llama = open("llama")) {
      Lens of = Lens.of(llama);
      for (Match match : UniversalNeurons.of(of, of, TEXTS, 0).matches()) {
        assertEquals(1, match.correlation(), 1e-4);
      }
    }
  }

  @Test
  void rejectsOtherTokens() throws IOException {
    try (Model llama = open("llama")) {
      Lens tiny = Lens.of(llama);
      var refused =
          assertThrows(
              InvalidInputException.class, () -> UniversalNeurons.of(lens, tiny, TEXTS, 0));
      assertTrue(refused.getMessage().contains("tokens"), refused.getMessage());
      assertThrows(InvalidInputException.class, () -> UniversalNeurons.of(tiny, tiny, TEXTS, 99));
      assertThrows(
          InvalidInputException.class, () -> UniversalNeurons.of(tiny, tiny, List.of(), 0));
    }
  }
}
