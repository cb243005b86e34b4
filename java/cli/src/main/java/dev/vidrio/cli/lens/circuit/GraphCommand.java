package dev.vidrio.cli.lens.circuit;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.ProgressBar;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.EditOption;
import dev.vidrio.cli.lens.option.Measured;
import dev.vidrio.cli.lens.option.MetricOption;
import dev.vidrio.cli.lens.option.TargetOption;
import dev.vidrio.cli.lens.option.TextCommand;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.cli.option.JsonHelp;
import dev.vidrio.cli.option.OptionValues;
import dev.vidrio.formats.file.AtomicFile;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.MetricKind;
import dev.vidrio.lens.decode.FeedForwardMatrices;
import dev.vidrio.lens.decode.VocabularyProjection;
import dev.vidrio.lens.decode.VocabularyProjection.Score;
import dev.vidrio.lens.decode.sae.CrossLayerTranscoder;
import dev.vidrio.lens.decode.sae.SparseAutoencoder;
import dev.vidrio.lens.graph.AblationEffect;
import dev.vidrio.lens.graph.AttributionGraph;
import dev.vidrio.lens.graph.CircuitTracerFile;
import dev.vidrio.lens.graph.GraphEdge;
import dev.vidrio.lens.graph.GraphFeatures;
import dev.vidrio.lens.graph.GraphNode;
import dev.vidrio.lens.graph.GraphOptions;
import dev.vidrio.lens.graph.PrunedGraph;
import dev.vidrio.lens.page.GraphView;
import dev.vidrio.lens.page.View;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens graph}. */
@Command(
    name = "graph",
    description = {
      "Attribution graph: which features caused which others, and the prediction after the text.",
      "Features are those of --transcoders, or neurons. Attention patterns, the divisors of norms"
          + " and gates count as constants; then each feature and logit is a sum of direct effects,"
          + " the edges. Influence flows back along edges from the likeliest tokens, or from"
          + " --token, its difference to --versus, or another --metric, which is linearized at the"
          + " text; the nodes and edges with most of it are kept.",
      "Nodes are named L3.F77@5 (feature 77 of layer 3 at position 5), L3.N77@5 (a neuron),"
          + " L3.error@5 (what no feature explains) and embed@5."
    })
@JsonHelp("Print JSON with all nodes and edges that are kept.")
public final class GraphCommand extends TextCommand<GraphCommand.Found> {
  private static final int PROMOTED = 3;
  private static final int NAME = 16;

  /** The command, for errors about metrics without a gradient. */
  private static final String METHOD = "lens graph";

  @Mixin private TargetOption target = new TargetOption();
  @Mixin private MetricOption metric = new MetricOption();
  @Mixin private EditOption edits = new EditOption();

  @Option(
      names = "--transcoders",
      paramLabel = "DIRECTORY",
      description = {
        "A directory of transcoders for different layers, of SAELens, sparsify or circuit-tracer,"
            + " or of a cross-layer transcoder of circuit-tracer.",
        "Default: neurons."
      })
  private @Nullable Path directory;

  @Option(
      names = "--features",
      paramLabel = "N",
      description = "Features or neurons with attributed inputs, the most influential first.")
  private int features = GraphOptions.DEFAULT.features();

  @Option(names = "--logits", paramLabel = "N", description = "Predicted tokens at most.")
  private int logits = GraphOptions.DEFAULT.logits();

  @Option(
      names = "--probability",
      paramLabel = "P",
      description = "Stop at the likeliest tokens with this probability together.")
  private double probability = GraphOptions.DEFAULT.probability();

  @Option(
      names = "--from",
      paramLabel = "I",
      description =
          "First position of features and errors; by default without the first token: its massive"
              + " activations depend little on the text.")
  private int from = GraphOptions.DEFAULT.from();

  @Option(
      names = "--node-share",
      paramLabel = "S",
      description = "Keep the nodes with this share of influence.")
  private double nodeShare = 0.8;

  @Option(
      names = "--edge-share",
      paramLabel = "S",
      description = "Keep the edges with this share of the influence between kept nodes.")
  private double edgeShare = 0.98;

  @Option(
      names = "--check",
      paramLabel = "N",
      description =
          "Set the N most influential features to 0 in the model, one at a time, and compare the"
              + " change of the likeliest token's logit, or of the metric, with the graph's.")
  private int checks;

  @Option(names = "--top", paramLabel = "K", description = "Lines to print; JSON has all.")
  private int top = 20;

  /**
   * A graph.
   *
   * @param measured the metric that it explains, or null for the likeliest tokens
   * @param promoted the tokens with the logits that a kept feature raises most, by its index
   */
  record Found(
      PrunedGraph pruned,
      @Nullable Measured measured,
      Map<Integer, List<Score>> promoted,
      List<AblationEffect> checks) {
    AttributionGraph graph() {
      return pruned.graph();
    }
  }

  @Override
  protected String[] endings() {
    return new String[] {".html", ".json"};
  }

  @Override
  protected void check() {
    super.check();
    metric.requireGradient(METHOD, true);
    requireShare("--node-share", nodeShare);
    requireShare("--edge-share", edgeShare);
    for (String option : List.of("--logits", "--probability")) {
      if (isMeasured() && command().commandLine().getParseResult().hasMatchedOption(option)) {
        throw new UsageException(option + ": cannot be combined with a metric or its tokens");
      }
    }
  }

  private static void requireShare(String option, double share) {
    if (!(share >= 0 && share <= 1)) {
      throw new UsageException(option + " " + share + ": must be between 0 and 1");
    }
  }

  private boolean isMeasured() {
    return metric.isGiven() || target.isGiven();
  }

  @Override
  protected Found run(Lens plain, int[] text) {
    Lens lens = edits.apply(plain, text);
    Measured measured = isMeasured() ? target.of(lens, text, metric, MetricKind.LOGIT) : null;
    DifferentiableMetric explained = measured == null ? null : measured.differentiable(METHOD);
    int[] tokens = measured == null ? text : use(measured.text());
    GraphOptions options =
        OptionValues.of(() -> new GraphOptions(logits, probability, features, from));
    try (var bar = new ProgressBar("features");
        OpenFeatures opened = OpenFeatures.of(lens, directory)) {
      GraphFeatures nodes = opened.features();
      AttributionGraph graph =
          AttributionGraph.of(
              lens,
              tokens,
              nodes,
              options,
              explained,
              done -> bar.update(done / (double) features, Integer.toString(done)));
      PrunedGraph pruned = graph.prune(nodeShare, edgeShare);
      return new Found(
          pruned,
          measured,
          promoted(lens, pruned, nodes),
          AblationEffect.of(lens, graph, nodes, explained, Math.max(0, checks)));
    }
  }

  private static Map<Integer, List<Score>> promoted(
      Lens lens, PrunedGraph pruned, GraphFeatures features) {
    Map<Integer, FeedForwardMatrices> blocks = new HashMap<>();
    List<GraphNode> nodes = pruned.graph().nodes();
    List<Integer> kept = pruned.nodes().stream().filter(i -> nodes.get(i).isFeature()).toList();
    float[][] vectors =
        kept.stream()
            .map(i -> written(lens, features, nodes.get(i), blocks))
            .toArray(float[][]::new);
    List<List<Score>> scores =
        vectors.length == 0 ? List.of() : VocabularyProjection.written(lens, vectors, PROMOTED);
    return IntStream.range(0, kept.size())
        .boxed()
        .collect(Collectors.toMap(kept::get, scores::get));
  }

  /** Returns the direction in the residual stream that a feature writes. */
  private static float[] written(
      Lens lens, GraphFeatures features, GraphNode node, Map<Integer, FeedForwardMatrices> blocks) {
    return switch (features) {
      case GraphFeatures.Neurons() ->
          blocks
              .computeIfAbsent(node.layer(), layer -> FeedForwardMatrices.of(lens, layer))
              .vector(FeedForwardMatrices.Matrix.OUT, node.id());
      case GraphFeatures.Transcoders(Map<Integer, SparseAutoencoder> byLayer) ->
          VocabularyProjection.valueVector(
              lens, Objects.requireNonNull(byLayer.get(node.layer())), node.id());
      case GraphFeatures.CrossLayer(CrossLayerTranscoder transcoder) ->
          transcoder.direction(node.layer(), node.id());
    };
  }

  private String words(Found found, int node) {
    return found.promoted.getOrDefault(node, List.of()).stream()
        .map(score -> TokenText.of(model(), score.token()))
        .collect(Collectors.joining(" "));
  }

  private String name(AttributionGraph graph, int node) {
    GraphNode of = graph.nodes().get(node);
    return of.kind() == GraphNode.Kind.LOGIT
        ? of.name() + " " + TokenText.of(model(), of.id())
        : of.name();
  }

  @Override
  protected void print(Found found) {
    AttributionGraph graph = found.graph();
    List<GraphNode> nodes = graph.nodes();
    long attributed = nodes.stream().filter(GraphNode::isFeature).count();
    System.out.printf(
        "%d of %d active %s attributed; %d nodes and %d edges kept%n",
        attributed,
        graph.active(),
        directory == null ? "neurons" : "features",
        found.pruned.nodes().size(),
        found.pruned.edges().size());
    System.out.printf(
        "influence of tokens, not errors (replacement): %.3f; incoming effects that are not errors"
            + " (completeness): %.3f%n",
        graph.replacement(), graph.completeness());
    for (int i = 0; i < nodes.size(); i++) {
      if (nodes.get(i).kind() == GraphNode.Kind.LOGIT) {
        System.out.printf(
            "%s: probability %.3f, %.3f above the mean logit; effects sum to %.3f%n",
            name(graph, i), nodes.get(i).probability(), nodes.get(i).value(), graph.explained(i));
      }
    }
    if (found.measured != null) {
      int last = nodes.size() - 1;
      System.out.printf(
          "metric: %s; linear part %.3f, effects sum to %.3f%n",
          found.measured.name(), nodes.get(last).value(), graph.explained(last));
    }
    System.out.printf("%9s  %-16s %8s  %-16s  raises%n", "influence", "node", "value", "token");
    found.pruned.nodes().stream()
        .filter(i -> !nodes.get(i).isTarget())
        .sorted(Comparator.comparingDouble(i -> -graph.influence(i)))
        .limit(Math.max(0, top))
        .forEach(i -> System.out.println(line(found, i)));
    System.out.printf("%9s  edge%n", "effect");
    found.pruned.edges().stream()
        .sorted(Comparator.comparingDouble(edge -> -Math.abs(edge.weight())))
        .limit(Math.max(0, top))
        .forEach(
            edge ->
                System.out.printf(
                    "%+9.3f  %s -> %s%n",
                    edge.weight(), name(graph, edge.source()), name(graph, edge.target())));
    if (checks > 0) {
      System.out.printf("%9s %9s  without%n", "predicted", "measured");
      found.checks.forEach(
          check ->
              System.out.printf(
                  "%+9.3f %+9.3f  %s%n",
                  check.predicted(), check.measured(), name(graph, check.node())));
    }
    Hint.print("'-o FILE.html' draws the graph; '-o FILE.json' is for circuit-tracer's page.");
  }

  private String line(Found found, int node) {
    GraphNode of = found.graph().nodes().get(node);
    String value = of.isFeature() ? "%8.3f".formatted(of.value()) : " ".repeat(8);
    String token = TokenText.column(model(), tokens()[of.position()], NAME);
    return "%9.3f  %-16s %s  %s  %s"
        .formatted(found.graph().influence(node), of.name(), value, token, words(found, node))
        .stripTrailing();
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    AttributionGraph graph = found.graph();
    object.with("tokens", tokens()).with("active", graph.active());
    if (found.measured != null) {
      found.measured.fill(object);
    }
    object.put("replacement", graph.replacement());
    object.put("completeness", graph.completeness());
    object.put("nodes", found.pruned.nodes().stream().map(i -> toJson(found, i)).toList());
    object.put("edges", found.pruned.edges().stream().map(edge -> toJson(graph, edge)).toList());
    if (checks > 0) {
      object.put(
          "checks",
          found.checks.stream()
              .map(
                  check ->
                      new JsonObject()
                          .with("node", name(graph, check.node()))
                          .with("predicted", check.predicted())
                          .with("measured", check.measured()))
              .toList());
    }
  }

  private JsonObject toJson(Found found, int index) {
    GraphNode node = found.graph().nodes().get(index);
    var json =
        new JsonObject()
            .with("node", name(found.graph(), index))
            .with("kind", node.kind().label())
            .with("layer", node.layer())
            .with("position", node.position())
            .with("id", node.id())
            .with("influence", found.graph().influence(index));
    if (node.isFeature() || node.isTarget()) {
      json.with("value", node.value()).with("explained", found.graph().explained(index));
    }
    if (node.kind() == GraphNode.Kind.LOGIT) {
      json.with("probability", node.probability());
    }
    List<Score> promoted = found.promoted.get(index);
    if (promoted != null) {
      json.with(
          "raises",
          promoted.stream()
              .map(score -> TokenText.toJson(model(), score.token()).with("value", score.value()))
              .toList());
    }
    return json;
  }

  private JsonObject toJson(AttributionGraph graph, GraphEdge edge) {
    return new JsonObject()
        .with("from", name(graph, edge.source()))
        .with("to", name(graph, edge.target()))
        .with("effect", edge.weight());
  }

  @Override
  protected List<? extends View> views(Found found) {
    Map<Integer, String> raised =
        found.promoted.keySet().stream()
            .collect(Collectors.toMap(Function.identity(), node -> words(found, node)));
    return List.of(GraphView.of(model(), found.pruned, raised));
  }

  @Override
  protected void write(Found found, Path file) throws IOException {
    String slug = String.valueOf(file.getFileName()).replaceFirst("\\.json$", "");
    String scan =
        directory == null
            ? modelName()
            : Objects.requireNonNullElse(directory.getFileName(), directory).toString();
    String json = CircuitTracerFile.write(model(), found.pruned, slug, scan, nodeShare);
    AtomicFile.write(file, json.getBytes(StandardCharsets.UTF_8));
  }
}
