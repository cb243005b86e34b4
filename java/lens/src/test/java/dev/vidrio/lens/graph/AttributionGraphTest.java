package dev.vidrio.lens.graph;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.F32BardTest;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.TextChunks;
import dev.vidrio.lens.decode.sae.CrossLayerTranscoder;
import dev.vidrio.lens.decode.sae.SaeKind;
import dev.vidrio.lens.decode.sae.SaeOptions;
import dev.vidrio.lens.decode.sae.SaeTrainer;
import dev.vidrio.lens.decode.sae.SparseAutoencoder;
import dev.vidrio.lens.decode.sae.TranscoderFiles;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code bench/lens/conformance.py} compares graphs with those of circuit-tracer. */
class AttributionGraphTest extends F32BardTest {
  private static final String TEXT = "The king is dead, long live the";
  private static final GraphOptions ALL = new GraphOptions(5, 0.9, 1 << 14, 0);

  private static final List<SparseAutoencoder> TRANSCODERS = new ArrayList<>();

  @TempDir Path directory;

  private static int[] tokens;
  private static AttributionGraph ofFeatures;

  @BeforeAll
  static void train() {
    tokens = model.tokenizer().encode(TEXT);
    List<int[]> chunks = TextChunks.of(model, model.tokenizer().encode(TEXT.repeat(20)), 64);
    // Without a transcoder for layer 2, its feed-forward block is an error. That of layer 1 has a
    // skip connection.
    for (int l : new int[] {0, 1, 3}) {
      List<HookPoint> points =
          List.of(new HookPoint(HookSite.LN2_NORMALIZED, l), new HookPoint(HookSite.MLP_OUT, l));
      List<float[][]> rows = TextChunks.activations(lens, points, chunks);
      var options = new SaeOptions(64, new SaeKind.BatchTopK(4), 0, 1, 1e-3, 32, 20, 100, 0, 1, 0);
      try (var trainer =
          SaeTrainer.ofTranscoder(
              model.executor(), rows.getFirst(), rows.getLast(), l == 1, options)) {
        trainer.run(loss -> {});
        TRANSCODERS.add(
            trainer.result(model.executor(), points.getFirst().name(), points.getLast().name()));
      }
    }
    ofFeatures =
        AttributionGraph.of(lens, tokens, GraphFeatures.transcoders(lens, TRANSCODERS), ALL);
  }

  @AfterAll
  static void closeTranscoders() {
    TRANSCODERS.forEach(SparseAutoencoder::close);
  }

  /** Effects, computed backward, sum to values that the forward pass has computed. */
  private static void assertComplete(AttributionGraph graph) {
    for (int i = 0; i < graph.nodes().size(); i++) {
      GraphNode node = graph.nodes().get(i);
      double tolerance = node.isFeature() ? 1e-3 : 1e-4;
      if (node.isFeature() || node.kind() == GraphNode.Kind.LOGIT) {
        double size = Math.max(1, Math.abs(node.value()));
        assertEquals(node.value(), graph.explained(i), tolerance * size, node.name());
      }
    }
  }

  private static List<Integer> nodes(AttributionGraph graph, GraphNode.Kind kind) {
    return IntStream.range(0, graph.nodes().size())
        .filter(i -> graph.nodes().get(i).kind() == kind)
        .boxed()
        .toList();
  }

  @Test
  void effectsOnFeaturesSumToTheirValues() {
    assertComplete(ofFeatures);
    int errors = nodes(ofFeatures, GraphNode.Kind.ERROR).size();
    assertEquals(model.architecture().layers() * tokens.length, errors);
    assertTrue(ofFeatures.replacement() > 0 && ofFeatures.replacement() < 1);
    assertTrue(ofFeatures.completeness() > 0 && ofFeatures.completeness() < 1);
  }

  @Test
  void effectsOnNeuronsSumToTheirValues() {
    GraphFeatures neurons = GraphFeatures.neurons();
    // @start region="graph"
    var options = new GraphOptions(5, 0.9, 128, 1);
    AttributionGraph graph = AttributionGraph.of(lens, tokens, neurons, options);
    for (GraphEdge edge : graph.prune(0.8, 0.98).edges()) {
      GraphNode from = graph.nodes().get(edge.source());
      GraphNode to = graph.nodes().get(edge.target());
      assertTrue(from.layer() < to.layer() && from.position() <= to.position());
    }
    // @end
    assertEquals(128, nodes(graph, GraphNode.Kind.NEURON).size());
    assertComplete(graph);
    assertEquals(1, graph.replacement());
    assertEquals(1, graph.completeness());
  }

  private static HookPoint at(HookSite site, int layer) {
    return new HookPoint(site, layer);
  }

  private static float[] numbers(int count) {
    var values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) Math.sin(i);
    }
    return values;
  }

  static Stream<Intervention> edits() {
    int d = model.architecture().width();
    int[] other = tokens.clone();
    other[2] = 300;
    float[] patch = lens.row(other, at(HookSite.RESID_PRE, 2), 4);
    return Stream.of(
        Intervention.zero(at(HookSite.Z, 1)).head(2),
        Intervention.scale(at(HookSite.ATTN_OUT, 2), 0.5f),
        Intervention.add(at(HookSite.RESID_POST, 1), 2, numbers(d)),
        Intervention.set(at(HookSite.RESID_PRE, 2), patch).position(4),
        Intervention.projectOut(at(HookSite.RESID_MID, 3), numbers(d)),
        Intervention.scale(HookPoint.of(HookSite.EMBED), 1.5f).position(3),
        Intervention.set(at(HookSite.POST, 1), 3).neuron(17),
        Intervention.scale(at(HookSite.V, 2), 0.5f),
        Intervention.add(at(HookSite.LN2_NORMALIZED, 2), 1, numbers(d)));
  }

  /** The graph of a changed model explains the values of its run. */
  private static void assertExplains(AttributionGraph graph, Lens edited) {
    assertComplete(graph);
    float[] logits = edited.row(tokens, HookPoint.of(HookSite.LOGITS), tokens.length - 1);
    double mean = IntStream.range(0, logits.length).mapToDouble(w -> logits[w]).average().orElse(0);
    GraphNode likeliest = graph.nodes().get(nodes(graph, GraphNode.Kind.LOGIT).getFirst());
    double value = logits[likeliest.id()] - mean;
    assertEquals(value, likeliest.value(), 1e-4 * Math.max(1, Math.abs(value)));
  }

  @ParameterizedTest
  @MethodSource("edits")
  void effectsSumToTheValuesOfTheChangedModel(Intervention edit) {
    Lens edited = lens.edited(List.of(edit));
    var options = new GraphOptions(3, 0.9, 64, 0);
    assertExplains(AttributionGraph.of(edited, tokens, GraphFeatures.neurons(), options), edited);
    GraphFeatures transcoders = GraphFeatures.transcoders(lens, TRANSCODERS);
    assertExplains(AttributionGraph.of(edited, tokens, transcoders, options), edited);
  }

  @Test
  @Tag("long")
  void effectsSumToTheValuesAfterAllEdits() {
    Lens edited = lens.edited(edits().toList());
    var options = new GraphOptions(3, 0.9, 64, 0);
    AttributionGraph graph = AttributionGraph.of(edited, tokens, GraphFeatures.neurons(), options);
    assertExplains(graph, edited);
    AttributionGraph plain = AttributionGraph.of(lens, tokens, GraphFeatures.neurons(), options);
    assertEquals(
        plain.explained(plain.nodes().size() - 1),
        AttributionGraph.of(
                lens.edited(List.of(Intervention.scale(at(HookSite.MLP_OUT, 1), 1))),
                tokens,
                GraphFeatures.neurons(),
                options)
            .explained(plain.nodes().size() - 1),
        1e-4);
  }

  @Test
  void rejectsEditsThatItCannotExplain() {
    GraphFeatures transcoders = GraphFeatures.transcoders(lens, TRANSCODERS);
    Intervention output = Intervention.scale(at(HookSite.MLP_OUT, 1), 0.5f);
    assertRejected(output, transcoders, "over transcoders, which explain that output");
    Intervention logits = Intervention.scale(HookPoint.of(HookSite.LOGITS), 2);
    assertRejected(logits, GraphFeatures.neurons(), "not supported by attribution graphs");
    String constant = "a constant of attribution graphs, which is not edited";
    Intervention pattern = Intervention.zero(at(HookSite.PATTERN, 3));
    assertRejected(pattern, GraphFeatures.neurons(), constant);
    Intervention divisor = Intervention.scale(at(HookSite.LN1_SCALE, 1), 2);
    assertRejected(divisor, transcoders, constant);
    Intervention clamp = Intervention.clamp(at(HookSite.MLP_OUT, 1), -1, 1);
    assertRejected(clamp, GraphFeatures.neurons(), "a clamp has no gradient");
  }

  private static void assertRejected(Intervention edit, GraphFeatures features, String limit) {
    Lens edited = lens.edited(List.of(edit));
    InvalidInputException error =
        assertThrows(
            InvalidInputException.class,
            () -> AttributionGraph.of(edited, tokens, features, GraphOptions.DEFAULT));
    assertTrue(String.valueOf(error.getMessage()).contains(limit), error.getMessage());
  }

  private static AttributionGraph of(Lens of, int[] text, DifferentiableMetric metric) {
    var options = new GraphOptions(2, 1, 64, 0);
    return AttributionGraph.of(of, text, GraphFeatures.neurons(), options, metric, done -> {});
  }

  /** A logit difference is linear: its edges are the differences of those of both logits. */
  @Test
  void edgesOfLogitDifferenceAreDifferencesOfEdges() {
    AttributionGraph logits =
        AttributionGraph.of(lens, tokens, GraphFeatures.neurons(), new GraphOptions(2, 1, 64, 0));
    int first = nodes(logits, GraphNode.Kind.LOGIT).getFirst();
    int answer = logits.nodes().get(first).id();
    int wrong = logits.nodes().get(first + 1).id();
    AttributionGraph graph = of(lens, tokens, Metric.logitDifference(answer, wrong));
    int metric = nodes(graph, GraphNode.Kind.METRIC).getFirst();
    assertEquals(List.of(), nodes(graph, GraphNode.Kind.LOGIT));
    for (int token : nodes(graph, GraphNode.Kind.TOKEN)) {
      int same = logits.nodes().indexOf(graph.nodes().get(token));
      double expected = logits.effect(first, same) - logits.effect(first + 1, same);
      assertEquals(expected, graph.effect(metric, token), 1e-5);
    }
    double difference = Metric.logitDifference(answer, wrong).of(lens, tokens);
    assertEquals(difference, graph.nodes().get(metric).value(), 1e-3);
    assertEquals(difference, graph.explained(metric), 1e-3);
  }

  /** Soft caps and factors of logits belong to the gradient of a metric. */
  @ParameterizedTest
  @ValueSource(strings = {"gemma2", "granite", "cohere2"})
  void metricsPassTheOperationsAfterTheUnembedding(String name) throws IOException {
    try (Model other = Model.open(TinyModels.write(directory.resolve("model.gguf"), name))) {
      int[] text = {5, 9, 2, 7, 11};
      AttributionGraph graph = of(Lens.of(other), text, Metric.entropy());
      assertComplete(graph);
      GraphNode metric = graph.nodes().getLast();
      assertEquals(metric.value(), graph.explained(graph.nodes().size() - 1), 1e-4);
    }
  }

  /** Other norms, biases, activation functions, parallel blocks, attention of other kinds. */
  @ParameterizedTest
  @ValueSource(
      strings = {"gpt2", "qwen2", "gemma2", "gptneox", "phi2", "qwen3", "olmo2", "bloom", "lfm2"})
  void effectsSumToValuesOfOtherArchitectures(String name) throws IOException {
    try (Model other = Model.open(TinyModels.write(directory.resolve("model.gguf"), name))) {
      var options = new GraphOptions(3, 1, 64, 0);
      int[] text = {5, 9, 2, 7, 11};
      assertComplete(AttributionGraph.of(Lens.of(other), text, GraphFeatures.neurons(), options));
    }
  }

  private static Path files(String name) {
    try {
      String path = "/dev/vidrio/lens/decode/sae/" + name;
      return Path.of(Objects.requireNonNull(AttributionGraphTest.class.getResource(path)).toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Effects pass through skip connections, norms with and without bias, parallel blocks. */
  @ParameterizedTest
  @ValueSource(strings = {"gpt2", "qwen2", "gptneox", "qwen3"})
  void effectsPassSkipConnections(String name) throws IOException {
    try (Model other = Model.open(TinyModels.write(directory.resolve("model.gguf"), name))) {
      Lens of = Lens.of(other);
      List<SparseAutoencoder> transcoders = TranscoderFiles.open(of, files("circuit-tracer"));
      try {
        int[] text = {5, 9, 2, 7, 11};
        GraphFeatures features = GraphFeatures.transcoders(of, transcoders);
        AttributionGraph graph = AttributionGraph.of(of, text, features, ALL);
        assertTrue(graph.active() > 0);
        assertComplete(graph);
      } finally {
        transcoders.forEach(SparseAutoencoder::close);
      }
    }
  }

  /** Features write to several layers, through which their effects sum to values. */
  @ParameterizedTest
  @ValueSource(strings = {"gpt2", "qwen2", "gemma2", "gptneox"})
  void effectsOfCrossLayerFeaturesSumToValues(String name) throws IOException {
    try (Model other = Model.open(TinyModels.write(directory.resolve("model.gguf"), name))) {
      Lens of = Lens.of(other);
      Path files = crossLayer(of.has(new HookPoint(HookSite.RESID_MID, 0)));
      try (CrossLayerTranscoder transcoder = CrossLayerTranscoder.open(of, files)) {
        int[] text = {5, 9, 2, 7, 11};
        GraphFeatures features = GraphFeatures.crossLayer(transcoder);
        AttributionGraph graph = AttributionGraph.of(of, text, features, ALL);
        assertComplete(graph);
        List<Integer> found = nodes(graph, GraphNode.Kind.FEATURE);
        assertTrue(found.size() > 10, found.toString());
        // A feature of the last layer acts on logits directly only.
        GraphNode last = graph.nodes().get(found.getLast());
        assertEquals(1, last.layer());
        double change = graph.predictedChange(found.getLast(), -last.value())[0];
        int logit = nodes(graph, GraphNode.Kind.LOGIT).getFirst();
        assertEquals(-graph.effect(logit, found.getLast()), change, 1e-6);
        assertEquals(2, AblationEffect.of(of, graph, features, null, 2).size());
      }
    }
  }

  /** Returns the files of a transcoder, which reads the norm in models without a stream there. */
  private Path crossLayer(boolean mid) throws IOException {
    if (mid) {
      return files("cross-layer");
    }
    Path copy = Files.createDirectory(directory.resolve("cross-layer"));
    try (Stream<Path> all = Files.list(files("cross-layer"))) {
      for (Path file : all.toList()) {
        Files.copy(file, copy.resolve(String.valueOf(file.getFileName())));
      }
    }
    Path config = copy.resolve("config.yaml");
    String text = Files.readString(config);
    Files.writeString(config, text.replace("hook_resid_mid", "ln2.hook_normalized"));
    return copy;
  }

  @Test
  void rejectsNeuronsOfMixtures() throws IOException {
    try (Model other = Model.open(TinyModels.write(directory.resolve("model.gguf"), "mixtral"))) {
      Lens of = Lens.of(other);
      assertThrows(
          InvalidInputException.class,
          () -> AttributionGraph.of(of, new int[] {5, 9}, GraphFeatures.neurons(), ALL));
    }
  }

  @Test
  void influenceOfTokensAndErrorsSumsToOne() {
    double sum = 0;
    for (GraphNode.Kind kind : List.of(GraphNode.Kind.TOKEN, GraphNode.Kind.ERROR)) {
      sum += nodes(ofFeatures, kind).stream().mapToDouble(ofFeatures::influence).sum();
    }
    assertEquals(1, sum, 1e-6);
  }

  /** Without other features, a change of the output of the last layer acts on logits directly. */
  @Test
  void predictedChangeIsTheSumOverPaths() {
    int feature = nodes(ofFeatures, GraphNode.Kind.FEATURE).getLast();
    GraphNode node = ofFeatures.nodes().get(feature);
    int logit = nodes(ofFeatures, GraphNode.Kind.LOGIT).getFirst();
    double[] change = ofFeatures.predictedChange(feature, -node.value());
    assertEquals(-ofFeatures.effect(logit, feature), change[0], 1e-6);
  }

  @Test
  @Tag("long")
  void ablationOfNeuronsOfTheLastLayerActsAsPredicted() {
    GraphFeatures neurons = GraphFeatures.neurons();
    AttributionGraph graph =
        AttributionGraph.of(lens, tokens, neurons, new GraphOptions(1, 1, 256, 1));
    List<AblationEffect> effects = AblationEffect.of(lens, graph, neurons, null, 8);
    double products = 0;
    for (AblationEffect effect : effects) {
      products += effect.predicted() * effect.measured();
    }
    assertEquals(8, effects.size());
    assertTrue(products > 0, effects.toString());
  }

  @Test
  void pruneKeepsMoreWithLargerShares() {
    PrunedGraph small = ofFeatures.prune(0.3, 0.5);
    PrunedGraph whole = ofFeatures.prune(1, 1);
    assertTrue(small.nodes().size() < whole.nodes().size());
    assertTrue(whole.nodes().containsAll(small.nodes()));
    assertTrue(small.edges().size() < whole.edges().size());
    for (GraphEdge edge : whole.edges()) {
      double effect = ofFeatures.effect(edge.target(), edge.source());
      assertEquals(effect, edge.weight());
    }
  }

  @Test
  void writesTheFieldsOfCircuitTracer() {
    PrunedGraph pruned = ofFeatures.prune(0.8, 0.98);
    JsonNode root =
        JsonMapper.shared().readTree(CircuitTracerFile.write(model, pruned, "king", "bard", 0.8));
    assertEquals(tokens.length, root.get("metadata").get("prompt_tokens").size());
    assertEquals(pruned.nodes().size(), root.get("nodes").size());
    assertEquals(pruned.edges().size(), root.get("links").size());
    List<String> ids = new ArrayList<>();
    root.get("nodes").forEach(node -> ids.add(node.get("node_id").stringValue()));
    assertEquals(ids.size(), ids.stream().distinct().count());
    root.get("links")
        .forEach(
            link -> {
              assertTrue(ids.contains(link.get("source").stringValue()));
              assertTrue(ids.contains(link.get("target").stringValue()));
            });
  }

  @Test
  void rejectsTranscodersThatDoNotFit() {
    List<SparseAutoencoder> twice = List.of(TRANSCODERS.getFirst(), TRANSCODERS.getFirst());
    assertThrows(InvalidInputException.class, () -> GraphFeatures.transcoders(lens, List.of()));
    assertThrows(InvalidInputException.class, () -> GraphFeatures.transcoders(lens, twice));
    GraphFeatures neurons = GraphFeatures.neurons();
    int[] unknown = Arrays.copyOf(tokens, tokens.length + 1);
    unknown[tokens.length] = model.architecture().vocabulary();
    assertThrows(
        InvalidInputException.class,
        () -> AttributionGraph.of(lens, unknown, neurons, GraphOptions.DEFAULT));
    assertThrows(InvalidInputException.class, () -> new GraphOptions(0, 0.9, 10, 0));
    assertThrows(InvalidInputException.class, () -> ofFeatures.prune(1.5, 1));
  }
}
