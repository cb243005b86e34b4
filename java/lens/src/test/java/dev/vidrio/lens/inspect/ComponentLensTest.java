package dev.vidrio.lens.inspect;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.gguf.GgufTensor;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.component.LogitDirection;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.inspect.ComponentLens.Cell;
import dev.vidrio.lens.inspect.ComponentLens.Effect;
import dev.vidrio.lens.inspect.DirectLogitAttribution.By;
import dev.vidrio.lens.inspect.DirectLogitAttribution.Part;
import dev.vidrio.model.Model;
import dev.vidrio.model.architecture.Trait;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ComponentLensTest extends BardTest {
  private final int[] tokens = BardFiles.gold("q8_0").ints("tokens");

  @TempDir Path directory;

  private Model open(String name) throws IOException {
    return Model.open(TinyModels.write(directory.resolve(name + ".gguf"), name));
  }

  /** Returns the values [V] of a cell with all tokens. */
  private static double[] values(Cell cell) {
    var values = new double[cell.promoted().size()];
    cell.promoted().forEach(effect -> values[effect.token()] = effect.logit());
    return values;
  }

  /** The writes add up to the last stream, so their projections and the biases are the logits. */
  @ParameterizedTest
  @MethodSource(TinyModels.SAMPLE)
  void projectionsAddUpToLogits(String name) throws IOException {
    assumeFalse(TinyModels.has(name, Trait.PARALLEL_STREAMS), "refused");
    int[] text = TinyModels.expected(name).ints("tokens");
    try (Model tiny = open(name);
        ActivationCache cache = Lens.of(tiny).run(text, Capture.of("unembed.hook_out"))) {
      Lens own = Lens.of(tiny);
      String hooks =
          own.points().stream()
              .filter(p -> p.site().isAddedToResidualStream() && p.site() != HookSite.RESULT)
              .map(HookPoint::name)
              .collect(Collectors.joining(","));
      int vocabulary = tiny.architecture().vocabulary();
      var components =
          ComponentLens.of(own, text, Capture.of(hooks).positions(1, text.length), vocabulary);
      double cap = cap(tiny.architecture().plan().ops());
      assertEquals(!Double.isInfinite(cap), components.capped());
      for (int i : new int[] {1, text.length - 1}) {
        var sum = new double[vocabulary];
        for (List<Cell> row : components.cells()) {
          double[] values = values(row.get(i - components.from()));
          for (int w = 0; w < vocabulary; w++) {
            sum[w] += values[w];
          }
        }
        for (int w = 0; w < vocabulary; w += 7) {
          double logit = cache.get(HookSite.LOGITS).at(i, w);
          double whole = sum[w] + LogitDirection.of(tiny, w).constant();
          double expected = Double.isInfinite(cap) ? whole : cap * Math.tanh(whole / cap);
          assertEquals(expected, logit, 1e-4 * (1 + Math.abs(logit)));
        }
      }
    }
  }

  /** The factor after the last tanh, where that makes the logits. */
  private static double cap(List<Op> ops) {
    return ops.getLast() instanceof Op.Scale scale
            && ops.get(ops.size() - 2) instanceof Op.Activation
        ? scale.factor()
        : Double.POSITIVE_INFINITY;
  }

  /** The definition, with the matrices of the file and the plain arithmetic of this test. */
  @ParameterizedTest
  @ValueSource(strings = {"llama", "gpt2", "qwen2", "bloom"})
  void headsEqualNaiveProjection(String name) throws IOException {
    int[] text = TinyModels.expected(name).ints("tokens");
    int i = text.length - 1;
    try (Model tiny = open(name);
        ActivationCache cache =
            Lens.of(tiny).run(text, Capture.of("*.hook_result,blocks.-1.hook_resid_post"))) {
      int vocabulary = tiny.architecture().vocabulary();
      var lens =
          ComponentLens.of(
              Lens.of(tiny), text, Capture.of("*.hook_result").positions(i, i + 1), vocabulary);
      int d = tiny.architecture().width();
      int heads = tiny.architecture().heads();
      boolean centers = name.equals("gpt2") || name.equals("bloom");
      float[] gain = floats(tiny, "output_norm.weight");
      float[] unembedding =
          floats(
              tiny,
              tiny.gguf().findTensor("output.weight").isPresent()
                  ? "output.weight"
                  : "token_embd.weight");
      float[] end = cache.get(HookSite.RESID_POST, tiny.architecture().layers() - 1).row(i);
      double divisor = naiveDivisor(end, centers);
      for (int c = 0; c < lens.components().size(); c++) {
        int layer = c / heads;
        int h = c % heads;
        assertEquals("L" + layer + ".H" + h, lens.components().get(c));
        double[] values = values(lens.cells().get(c).getFirst());
        var write = new double[d];
        double mean = 0;
        for (int j = 0; j < d; j++) {
          write[j] = cache.get(HookSite.RESULT, layer).at(i, h, j);
          mean += write[j] / d;
        }
        for (int w = 0; w < vocabulary; w++) {
          double logit = 0;
          for (int j = 0; j < d; j++) {
            double centered = centers ? write[j] - mean : write[j];
            logit += centered / divisor * gain[j] * unembedding[w * d + j];
          }
          assertEquals(logit, values[w], 1e-4 * (1e-3 + Math.abs(logit)) + 1e-6);
        }
      }
    }
  }

  private static double naiveDivisor(float[] x, boolean centers) {
    double mean = 0;
    double squares = 0;
    for (float value : x) {
      mean += centers ? (double) value / x.length : 0;
    }
    for (float value : x) {
      squares += (value - mean) * (value - mean) / x.length;
    }
    return Math.sqrt(squares + 1e-5);
  }

  /** Returns the elements of an F32 or BF16 tensor. */
  private static float[] floats(Model model, String name) {
    GgufTensor tensor = model.gguf().tensor(name);
    if (tensor.data().byteSize() == 4 * tensor.elements()) {
      return tensor.data().toArray(JAVA_FLOAT);
    }
    short[] halves = tensor.data().toArray(JAVA_SHORT_UNALIGNED);
    var floats = new float[halves.length];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = Float.intBitsToFloat(halves[i] << 16);
    }
    return floats;
  }

  /** Blocks of Q8_0, read byte by byte: two bytes of scale, and 32 integers. */
  @Test
  void quantizedUnembeddingIsReadAsItsValues() {
    int i = tokens.length - 1;
    Capture capture = Capture.of("blocks.2.hook_mlp_out").positions(i, i + 1);
    int vocabulary = model.architecture().vocabulary();
    Cell cell = ComponentLens.of(lens, tokens, capture, vocabulary).cells().getFirst().getFirst();
    double[] values = values(cell);
    float[] gain = floats(model, "output_norm.weight");
    GgufTensor tensor =
        model
            .gguf()
            .findTensor("output.weight")
            .or(() -> model.gguf().findTensor("token_embd.weight"))
            .orElseThrow();
    ByteBuffer blocks = tensor.data().asByteBuffer().order(LITTLE_ENDIAN);
    try (ActivationCache cache =
        lens.run(tokens, Capture.of("blocks.2.hook_mlp_out,ln_final.hook_scale"))) {
      float[] write = cache.get(HookSite.MLP_OUT, 2).row(i);
      double divisor = cache.get(HookSite.LN_FINAL_SCALE).at(i, 0);
      for (int w = 0; w < vocabulary; w += 11) {
        double logit = 0;
        for (int j = 0; j < write.length; j++) {
          int block = (w * write.length + j) / 32 * 34;
          float scale = Float.float16ToFloat(blocks.getShort(block));
          double weight = scale * blocks.get(block + 2 + j % 32);
          logit += write[j] / divisor * gain[j] * weight;
        }
        assertEquals(logit, values[w], 1e-4 * (0.1 + Math.abs(logit)));
      }
    }
  }

  @Test
  void cellsDescribeAllValues() {
    int vocabulary = model.architecture().vocabulary();
    Capture capture = Capture.of("hook_embed,*.hook_attn_out,*.hook_mlp_out").positions(9, 12);
    var all = ComponentLens.of(lens, tokens, capture, vocabulary + 5, 17, List.of());
    var few = ComponentLens.of(lens, tokens, capture, 3);
    assertEquals(9, all.from());
    assertEquals(List.of("embed", "L0.attn", "L0.mlp"), all.components().subList(0, 3));
    assertEquals(1 + 2 * 4, all.components().size());
    for (int c = 0; c < all.components().size(); c++) {
      for (int i = 0; i < 3; i++) {
        Cell cell = all.cells().get(c).get(i);
        double[] values = values(cell);
        assertEquals(vocabulary, values.length);
        double mean = IntStream.range(0, vocabulary).mapToDouble(w -> values[w]).sum() / vocabulary;
        double variance =
            IntStream.range(0, vocabulary).mapToDouble(w -> Math.pow(values[w] - mean, 2)).sum()
                / vocabulary;
        assertEquals(Math.sqrt(variance), cell.deviation(), 1e-6 * (1 + Math.sqrt(variance)));
        double total =
            IntStream.range(0, vocabulary).mapToDouble(w -> cell.probability(values[w])).sum();
        assertEquals(1, total, 1e-9);
        ComponentLens.Standing standing = cell.standing();
        assertNotNull(standing);
        assertEquals(17, cell.promoted().get(standing.rank()).token());
        assertEquals(values[17], standing.logit());
        List<Effect> lowest = cell.demoted().subList(0, 3);
        assertEquals(cell.promoted().getLast().logit(), lowest.getFirst().logit());
        assertTrue(lowest.get(0).logit() <= lowest.get(1).logit());
        Cell shorter = few.cells().get(c).get(i);
        assertEquals(cell.promoted().subList(0, 3), shorter.promoted());
        assertEquals(lowest, shorter.demoted());
        assertNull(shorter.standing());
      }
    }
  }

  /** Attribution of one logit reads the same columns, component by component. */
  @ParameterizedTest
  @ValueSource(strings = {"bard", "gemma2", "granite", "cohere2", "lfm2", "nemotron_h"})
  void tokenEqualsDirectLogitAttribution(String name) throws IOException {
    try (Model other = name.equals("bard") ? Model.open(BardFiles.q8()) : open(name)) {
      Lens own = Lens.of(other);
      int[] text = name.equals("bard") ? tokens : TinyModels.expected(name).ints("tokens");
      for (By by : List.of(By.HEAD, By.NEURON)) {
        var dla = DirectLogitAttribution.of(own, text, text.length - 1, 5, -1, by);
        String hooks = by == By.HEAD ? "*.hook_result,*.hook_mlp_out" : "*.mlp.hook_post";
        Capture last = Capture.of(hooks).positions(text.length - 1, text.length);
        var lens = ComponentLens.of(own, text, last, 1, 5, List.of());
        int compared = 0;
        for (Part part : dla.parts()) {
          int c = lens.components().indexOf(part.component());
          if (c >= 0) {
            ComponentLens.Standing standing = lens.cells().get(c).getFirst().standing();
            assertNotNull(standing);
            assertEquals(part.value(), standing.logit(), 1e-5 * (1 + Math.abs(part.value())));
            compared++;
          }
        }
        assertEquals(lens.components().size(), compared);
        assertEquals(compared, ComponentLens.count(own, own.points(hooks)));
      }
    }
  }

  @Test
  void editsChangeWrites() {
    HookPoint point = lens.point("blocks.3.hook_mlp_out");
    Capture capture = Capture.of(point.name()).positions(5, 6);
    List<Intervention> zero = List.of(Intervention.scale(point, 0));
    Cell cell = ComponentLens.of(lens, tokens, capture, 1, -1, zero).cells().getFirst().getFirst();
    assertEquals(0, cell.deviation());
    assertEquals(0, cell.promoted().getFirst().logit());
  }

  @ParameterizedTest
  @CsvSource({
    "hook_resid_post, 1, -1, cannot be combined with components",
    "hook_q, 1, -1, is neither a residual stream nor added to it",
    "hook_mlp_out, 0, -1, must be at least 1",
    "hook_mlp_out, 1, 2048, must be 0 to 2047",
  })
  void rejectsInvalidInput(String hook, int k, int token, String message) {
    Capture capture = Capture.of("*." + hook);
    String actual =
        assertThrows(
                InvalidInputException.class,
                () -> ComponentLens.of(lens, tokens, capture, k, token, List.of()))
            .getMessage();
    assertTrue(actual.contains(message), actual);
  }

  @Test
  void embeddingsAreStreamAndComponent() {
    assertFalse(ComponentLens.areComponents(lens.points("hook_embed,*.hook_resid_post")));
    assertTrue(ComponentLens.areComponents(lens.points("hook_embed,*.hook_mlp_out")));
    List<HookPoint> both = lens.points("*.hook_mlp_out,*.hook_resid_post");
    assertThrows(InvalidInputException.class, () -> ComponentLens.areComponents(both));
  }

  @ParameterizedTest
  @CsvSource({
    "gemma3n, *.hook_mlp_out, models with several residual streams",
    "mixtral, *.hook_post, the product of several experts",
  })
  void rejectsModelsWithoutSuchWrites(String name, String hooks, String message)
      throws IOException {
    try (Model tiny = open(name)) {
      int[] text = {1, 2, 3};
      String actual =
          assertThrows(
                  InvalidInputException.class,
                  () -> ComponentLens.of(Lens.of(tiny), text, Capture.of(hooks), 1))
              .getMessage();
      assertTrue(actual.contains(message), actual);
    }
  }
}
