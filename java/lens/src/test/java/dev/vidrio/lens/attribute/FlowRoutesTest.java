package dev.vidrio.lens.attribute;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.ModelMatrices;
import dev.vidrio.lens.attribute.FlowRoutes.Edge;
import dev.vidrio.lens.component.HeadOutputs;
import dev.vidrio.lens.component.TokenContributions;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.model.Model;
import dev.vidrio.model.architecture.Trait;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class FlowRoutesTest {
  private static final int[] TOKENS = {5, 120, 44, 700, 31, 120};

  /** An edge without its share. */
  private record Key(String name, int from, HookSite into, int to) {
    static Key of(Edge edge) {
      return new Key(edge.name(), edge.from(), edge.into(), edge.to());
    }
  }

  /** Returns the shares of parts of a sum by the definition, in double precision. */
  private static Map<Key, Double> shares(double[] sum, Map<Key, double[]> parts) {
    Map<Key, Double> near = new LinkedHashMap<>();
    double total = 0;
    for (var part : parts.entrySet()) {
      double norm = 0;
      double distance = 0;
      for (int k = 0; k < sum.length; k++) {
        norm += Math.abs(sum[k]);
        distance += Math.abs(sum[k] - part.getValue()[k]);
      }
      near.put(part.getKey(), Math.max(0, norm - distance));
      total += Math.max(0, norm - distance);
    }
    double all = total;
    near.replaceAll((key, value) -> value / all);
    return near;
  }

  private static double[] doubles(float[] x) {
    var doubles = new double[x.length];
    for (int k = 0; k < x.length; k++) {
      doubles[k] = x[k];
    }
    return doubles;
  }

  /**
   * Returns the shares of all edges of bard into tokens of a text, from attention weights, values
   * and W_O.
   */
  private static Map<Key, Double> naive(Lens lens, int[] tokens) {
    return naive(lens, tokens, (point, head, part) -> null);
  }

  /** The linear part of an intervention at all tokens. */
  interface Linear {
    /**
     * Returns a changed part of an activation, or null if there is no intervention.
     *
     * @param head of a part of {@code hook_z}, after W_O; otherwise −1
     */
    double @Nullable [] of(HookPoint point, int head, double[] part);
  }

  /** Changes the parts of a sum and adds the rest of the sum, if there is an intervention. */
  private static void change(
      Map<Key, double[]> parts, double[] sum, Key rest, Linear linear, HookPoint... points) {
    for (HookPoint point : points) {
      if (linear.of(point, -1, new double[sum.length]) == null) {
        continue;
      }
      parts.replaceAll((key, part) -> Objects.requireNonNull(linear.of(point, -1, part)));
      var remainder = sum.clone();
      parts.values().forEach(part -> Arrays.setAll(remainder, k -> remainder[k] - part[k]));
      parts.put(rest, remainder);
    }
  }

  /** Returns the shares of a changed model, with what an intervention adds. */
  private static Map<Key, Double> naive(Lens lens, int[] tokens, Linear linear) {
    Map<Key, Double> all = new HashMap<>();
    Capture capture =
        Capture.of(
            "*.hook_pattern, *.hook_v, *.hook_resid_pre, *.hook_resid_mid, *.hook_resid_post,"
                + " *.hook_attn_out, *.hook_mlp_out");
    try (ActivationCache cache = lens.run(tokens, capture)) {
      for (int l = 0; l < 4; l++) {
        Activation v = cache.get(HookSite.V, l);
        Activation pattern = cache.get(HookSite.PATTERN, l);
        int width = v.shape().get(2);
        int heads = pattern.shape().getFirst();
        HookPoint written = new HookPoint(HookSite.ATTN_OUT, l);
        float[][] output = ModelMatrices.of(lens).rows(written, 0, heads * width);
        for (int i = 0; i < tokens.length; i++) {
          Map<Key, double[]> parts = new LinkedHashMap<>();
          double[] before = doubles(cache.get(HookSite.RESID_PRE, l).row(i));
          var rest = new Key("L" + l + ".edit", i, HookSite.RESID_MID, i);
          boolean changed = false;
          for (int h = 0; h < heads; h++) {
            for (int j = 0; j <= i; j++) {
              var part = new double[before.length];
              for (int u = 0; u < width; u++) {
                double z = (double) pattern.at(h, i, j) * v.at(j, h * v.shape().get(1) / heads, u);
                for (int k = 0; k < part.length; k++) {
                  part[k] += z * output[h * width + u][k];
                }
              }
              double[] edited = linear.of(new HookPoint(HookSite.Z, l), h, part);
              changed |= edited != null;
              parts.put(
                  new Key("L" + l + ".H" + h, j, HookSite.RESID_MID, i),
                  Objects.requireNonNullElse(edited, part));
            }
          }
          double[] attention = doubles(cache.get(HookSite.ATTN_OUT, l).row(i));
          Linear ofHeads = changed ? (point, head, part) -> part : linear;
          change(parts, attention, rest, ofHeads, new HookPoint(HookSite.ATTN_OUT, l));
          parts.put(new Key("L" + l + ".residual", i, HookSite.RESID_MID, i), before);
          double[] middle = doubles(cache.get(HookSite.RESID_MID, l).row(i));
          change(parts, middle, rest, linear, new HookPoint(HookSite.RESID_MID, l));
          all.putAll(shares(middle, parts));
          double[] mlp = doubles(cache.get(HookSite.MLP_OUT, l).row(i));
          Map<Key, double[]> blocks = new LinkedHashMap<>();
          blocks.put(new Key("L" + l + ".residual", i, HookSite.RESID_POST, i), middle);
          blocks.put(new Key("L" + l + ".mlp", i, HookSite.RESID_POST, i), mlp);
          double[] end =
              doubles(
                  (l < 3 ? cache.get(HookSite.RESID_PRE, l + 1) : cache.get(HookSite.RESID_POST, l))
                      .row(i));
          change(
              blocks,
              end,
              new Key("L" + l + ".edit", i, HookSite.RESID_POST, i),
              linear,
              new HookPoint(HookSite.RESID_POST, l),
              new HookPoint(HookSite.RESID_PRE, l + 1));
          all.putAll(shares(end, blocks));
        }
      }
    }
    return all;
  }

  @Test
  void sharesFollowDefinition() {
    try (Model model = Model.open(BardFiles.f32())) {
      Lens lens = Lens.of(model);
      Map<Key, Double> expected = naive(lens, TOKENS);
      Map<Key, Double> actual = new HashMap<>();
      for (int position = 0; position < TOKENS.length; position++) {
        for (Edge edge : FlowRoutes.of(lens, TOKENS, position, 0).edges()) {
          actual.put(Key.of(edge), edge.share());
        }
      }
      expected.forEach(
          (key, share) -> assertEquals(share, actual.getOrDefault(key, 0.0), 1e-6, key.toString()));
      assertTrue(expected.keySet().containsAll(actual.keySet()));
    }
  }

  private static HookPoint at(HookSite site) {
    return new HookPoint(site, site == HookSite.RESID_PRE ? 2 : 1);
  }

  private static double[] scaled(double[] x, double factor) {
    return Arrays.stream(x).map(value -> factor * value).toArray();
  }

  /** Returns the linear part of an intervention at one point, of all its heads or one. */
  private static Linear linear(HookSite site, int ofHead, UnaryOperator<double[]> change) {
    return (point, head, part) -> {
      if (!point.equals(at(site))) {
        return null;
      }
      return head == ofHead ? change.apply(part) : head >= 0 ? part : null;
    };
  }

  private static Linear linear(HookSite site, UnaryOperator<double[]> change) {
    return linear(site, -1, change);
  }

  static Stream<Arguments> changes() {
    var vector = new float[256];
    for (int k = 0; k < vector.length; k++) {
      vector[k] = (float) Math.sin(k);
    }
    double square = IntStream.range(0, 256).mapToDouble(k -> Math.pow(vector[k], 2)).sum();
    UnaryOperator<double[]> project =
        x -> {
          double dot = IntStream.range(0, x.length).mapToDouble(k -> x[k] * vector[k]).sum();
          return IntStream.range(0, x.length)
              .mapToDouble(k -> x[k] - dot / square * vector[k])
              .toArray();
        };
    HookSite z = HookSite.Z;
    HookSite out = HookSite.ATTN_OUT;
    HookSite mid = HookSite.RESID_MID;
    HookSite post = HookSite.RESID_POST;
    HookSite pre = HookSite.RESID_PRE;
    return Stream.of(
        Arguments.of(Intervention.zero(at(z)).head(2), linear(z, 2, x -> scaled(x, 0))),
        Arguments.of(Intervention.scale(at(z), 3).head(1), linear(z, 1, x -> scaled(x, 3))),
        Arguments.of(
            Intervention.set(at(z), Arrays.copyOf(vector, 32)).head(0),
            linear(z, 0, x -> scaled(x, 0))),
        Arguments.of(Intervention.zero(at(out)), linear(out, x -> scaled(x, 0))),
        Arguments.of(Intervention.add(at(out), 2, vector), linear(out, x -> x)),
        Arguments.of(Intervention.projectOut(at(mid), vector), linear(mid, project)),
        Arguments.of(Intervention.add(at(post), 2, vector), linear(post, x -> x)),
        Arguments.of(Intervention.scale(at(pre), 0.5f), linear(pre, x -> scaled(x, 0.5))),
        Arguments.of(Intervention.set(at(pre), vector), linear(pre, x -> scaled(x, 0))),
        Arguments.of(Intervention.zero(at(HookSite.MLP_OUT)), linear(z, 99, x -> x)),
        Arguments.of(Intervention.zero(at(HookSite.PATTERN)).head(1), linear(z, 99, x -> x)));
  }

  @ParameterizedTest
  @MethodSource("changes")
  void sharesOfChangedModelFollowDefinition(Intervention edit, Linear linear) {
    try (Model model = Model.open(BardFiles.f32())) {
      Lens lens = Lens.of(model).edited(List.of(edit));
      Map<Key, Double> expected = naive(lens, TOKENS, linear);
      Map<Key, Double> actual = new HashMap<>();
      for (int position = 0; position < TOKENS.length; position++) {
        for (Edge edge : FlowRoutes.of(lens, TOKENS, position, 0).edges()) {
          actual.put(Key.of(edge), edge.share());
        }
      }
      actual.forEach(
          (key, share) -> assertEquals(expected.getOrDefault(key, 0.0), share, 1e-5, "" + key));
      assertTrue(actual.size() > 100);
    }
  }

  @Test
  void rejectsChangesThatAreNotLinear() {
    try (Model model = Model.open(BardFiles.f32())) {
      for (Intervention edit :
          List.of(
              Intervention.clamp(at(HookSite.RESID_MID), -1, 1),
              Intervention.scale(at(HookSite.Z), 2).with(new Intervention.Columns.Range(0, 3)),
              Intervention.clamp(at(HookSite.Z), -1, 1))) {
        Lens edited = Lens.of(model).edited(List.of(edit));
        assertThrows(InvalidInputException.class, () -> FlowRoutes.of(edited, TOKENS, 3, 0.1));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {0.02, 0.1, 0.3, 1})
  void keepsStrongEdgesThatLeadToPrediction(double threshold) {
    int position = TOKENS.length - 2;
    try (Model model = Model.open(BardFiles.f32())) {
      Lens lens = Lens.of(model);
      Map<Key, Double> shares = naive(lens, TOKENS);
      List<Key> expected = new ArrayList<>();
      follow(shares, threshold, 3, HookSite.RESID_POST, position, expected);
      FlowRoutes routes = FlowRoutes.of(lens, TOKENS, position, threshold);
      List<Key> actual = routes.edges().stream().map(Key::of).toList();
      assertEquals(expected.size(), actual.size());
      assertTrue(actual.containsAll(expected));
      assertEquals(routes, FlowRoutes.of(lens, TOKENS, position, 0).above(threshold));
      assertEquals(
          expected.stream()
              .filter(key -> key.name.startsWith("L0.") && key.into == HookSite.RESID_MID)
              .map(Key::from)
              .collect(Collectors.toSet()),
          Set.copyOf(routes.sources()));
    }
  }

  /** Follows the edges into a stream of a model with attention first in each layer. */
  private static void follow(
      Map<Key, Double> shares, double threshold, int layer, HookSite into, int to, List<Key> kept) {
    shares.forEach(
        (key, share) -> {
          boolean leads = key.name.startsWith("L" + layer + ".") && key.into == into;
          if (leads && key.to == to && share > threshold && !kept.contains(key)) {
            kept.add(key);
            if (into == HookSite.RESID_POST) {
              follow(shares, threshold, layer, HookSite.RESID_MID, to, kept);
            } else {
              follow(shares, threshold, layer - 1, HookSite.RESID_POST, key.from, kept);
            }
          }
        });
  }

  private static boolean isSupported(String name) {
    return !TinyModels.isHybrid(name)
        && !TinyModels.has(name, Trait.PARALLEL_STREAMS)
        && !TinyModels.changesHeads(name);
  }

  /** The sums are those of the run: the recorded streams, before a factor that scales them. */
  @ParameterizedTest
  @MethodSource(TinyModels.SAMPLE)
  void sharesAreThoseOfRecordedStreams(String name, @TempDir Path directory) throws IOException {
    int[] tokens = TinyModels.expected(name).ints("tokens");
    try (Model model = Model.open(TinyModels.write(directory.resolve(name + ".gguf"), name))) {
      Lens lens = Lens.of(model);
      int last = tokens.length - 1;
      if (!isSupported(name)) {
        assertThrows(InvalidInputException.class, () -> FlowRoutes.of(lens, tokens, last, 0));
        return;
      }
      HookMap hooks = HookMap.of(model);
      Capture streams = Capture.of("*.hook_resid_*, *.hook_pattern, *.hook_v, *_out");
      try (ActivationCache cache = lens.run(tokens, streams)) {
        for (int l = 0; l < model.architecture().layers(); l++) {
          var layer = new FlowLayer(lens, hooks, cache, l);
          float[] end = cache.get(HookSite.RESID_POST, l).row(last);
          double factor = (double) hooks.factorFrom(l) / hooks.factorFrom(l + 1);
          double[] sum = doubles(end);
          for (int k = 0; k < sum.length; k++) {
            sum[k] /= factor;
          }
          Map<Key, double[]> parts = new LinkedHashMap<>();
          if (layer.hasMid()) {
            addAttention(parts, model, cache, l, last, HookSite.RESID_MID);
            double[] middle = doubles(cache.get(HookSite.RESID_MID, l).row(last));
            assertShares(shares(middle, parts), layer.intoMid(last));
            parts.clear();
            parts.put(new Key("L" + l + ".residual", last, HookSite.RESID_POST, last), middle);
          } else {
            addAttention(parts, model, cache, l, last, HookSite.RESID_POST);
          }
          add(parts, cache, l, HookSite.MLP_OUT, "mlp", last);
          add(parts, cache, l, HookSite.PER_LAYER_OUT, "per_layer", last);
          assertShares(shares(sum, parts), layer.intoPost(last));
        }
      }
      assertTrue(FlowRoutes.of(lens, tokens, last, 0.01).edges().size() > 1);
    }
  }

  private static void addAttention(
      Map<Key, double[]> parts, Model model, ActivationCache cache, int l, int i, HookSite into) {
    HookMap hooks = HookMap.of(model);
    parts.put(
        new Key("L" + l + ".residual", i, into, i),
        doubles(cache.get(HookSite.RESID_PRE, l).row(i)));
    if (!cache.has(new HookPoint(HookSite.ATTN_OUT, l))) {
      return;
    }
    double[] rest = doubles(cache.get(HookSite.ATTN_OUT, l).row(i));
    if (hooks.heads(l) == 0) {
      parts.put(new Key("L" + l + ".attn", i, into, i), rest);
      return;
    }
    float[][] heads = new TokenContributions(Lens.of(model), hooks, cache, l).ofHeads(i);
    for (int p = 0; p < heads.length; p++) {
      double[] part = doubles(heads[p]);
      parts.put(new Key("L" + l + ".H" + p / (i + 1), p % (i + 1), into, i), part);
      Arrays.setAll(rest, k -> rest[k] - part[k]);
    }
    if (HeadOutputs.hasBias(hooks, l)) {
      parts.put(new Key("L" + l + ".attn_bias", i, into, i), rest);
    }
  }

  private static void add(
      Map<Key, double[]> parts, ActivationCache cache, int l, HookSite site, String name, int i) {
    if (cache.has(new HookPoint(site, l))) {
      Key key = new Key("L" + l + "." + name, i, HookSite.RESID_POST, i);
      parts.put(key, doubles(cache.get(site, l).row(i)));
    }
  }

  private static void assertShares(Map<Key, Double> expected, List<Edge> actual) {
    assertEquals(1, actual.stream().mapToDouble(Edge::share).sum(), 1e-9);
    assertEquals(expected.keySet(), actual.stream().map(Key::of).collect(Collectors.toSet()));
    for (Edge edge : actual) {
      assertEquals(
          expected.getOrDefault(Key.of(edge), Double.NaN), edge.share(), 1e-6, edge.name());
    }
  }

  @Test
  void importanceIsMeanShare() {
    try (Model model = Model.open(BardFiles.f32())) {
      Lens lens = Lens.of(model);
      int[] second = {9, 8, 7};
      Map<String, Double> shares = new HashMap<>();
      Map<String, Integer> active = new HashMap<>();
      for (int[] text : List.of(TOKENS, second)) {
        Map<String, Double> most = new HashMap<>();
        naive(lens, text)
            .forEach(
                (key, share) -> {
                  if (key.to > 0) {
                    shares.merge(key.name, share, Double::sum);
                    most.merge(key.name + " " + key.to, share, Math::max);
                  }
                });
        most.forEach(
            (name, share) ->
                active.merge(
                    name.substring(0, name.indexOf(' ')), share > 0.05 ? 1 : 0, Integer::sum));
      }
      int tokens = TOKENS.length + second.length - 2;
      List<FlowImportance> actual = FlowImportance.of(lens, List.of(TOKENS, second), 0.05);
      assertEquals(4 * (8 + 1), actual.size());
      assertEquals("L0.H0", actual.getFirst().name());
      assertEquals("L3.mlp", actual.getLast().name());
      for (FlowImportance component : actual) {
        assertEquals(
            shares.getOrDefault(component.name(), Double.NaN) / tokens, component.share(), 1e-6);
        assertEquals(
            active.getOrDefault(component.name(), -1) / (double) tokens, component.active());
      }
    }
  }

  @Test
  void rejectsInvalidPositionsAndThresholds() {
    try (Model model = Model.open(BardFiles.q8())) {
      Lens lens = Lens.of(model);
      assertThrows(InvalidInputException.class, () -> FlowRoutes.of(lens, TOKENS, 6, 0.1));
      assertThrows(InvalidInputException.class, () -> FlowRoutes.of(lens, TOKENS, -1, 0.1));
      for (double threshold : new double[] {-0.1, 1.5, Double.NaN}) {
        assertThrows(InvalidInputException.class, () -> FlowRoutes.of(lens, TOKENS, 1, threshold));
        assertThrows(
            InvalidInputException.class, () -> FlowImportance.of(lens, List.of(TOKENS), threshold));
      }
      FlowRoutes routes = FlowRoutes.of(lens, TOKENS, 1, 0.1);
      assertThrows(InvalidInputException.class, () -> routes.above(0.05));
      assertThrows(
          InvalidInputException.class, () -> FlowImportance.of(lens, List.of(new int[] {5}), 0.1));
    }
  }
}
