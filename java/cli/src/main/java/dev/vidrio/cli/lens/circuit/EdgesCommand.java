package dev.vidrio.cli.lens.circuit;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.option.FastGradientsOption;
import dev.vidrio.cli.lens.option.PairsCommand;
import dev.vidrio.cli.option.JsonHelp;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.MetricSpec;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.circuit.ComponentGraph;
import dev.vidrio.lens.circuit.Edge;
import dev.vidrio.lens.circuit.EdgeAttribution;
import dev.vidrio.lens.page.CircuitView;
import dev.vidrio.lens.page.View;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens edges}. */
@Command(
    name = "edges",
    description = {
      "Edge attribution patching: finds the edges between components that carry what two texts"
          + " differ in.",
      "A score is the estimated change, by gradients, of the logit difference of the answers, or of"
          + " another --metric, if the edge alone carries its value of the corrupted text."
    })
@JsonHelp("Print JSON, with all edges in the model's order.")
public final class EdgesCommand extends PairsCommand<EdgeAttribution> {
  @Mixin private FastGradientsOption gradients = new FastGradientsOption();

  @Option(
      names = "--steps",
      paramLabel = "N",
      description =
          "Gradients to average between the texts (EAP-IG); 0: only that of the clean text (EAP).")
  private int steps = 5;

  @Option(names = "--top", paramLabel = "K", description = "Edges to print; JSON has all.")
  private int top = 20;

  @Override
  protected void requireMetric(MetricSpec spec) {
    if (steps == 0) {
      spec.requireCleanGradient("--steps 0");
    } else {
      spec.requireDifferentiable("edge attribution patching");
    }
  }

  @Override
  protected EdgeAttribution run(Lens exact, List<TextPair> pairs) {
    Lens lens = gradients.of(exact);
    return steps == 0
        ? EdgeAttribution.of(lens, pairs)
        : EdgeAttribution.integrated(lens, pairs, steps);
  }

  /** Returns the scores of the strongest edges. */
  private Map<Edge, Double> strongest(EdgeAttribution edges) {
    Map<Edge, Double> strongest = new LinkedHashMap<>();
    edges.ranked().stream()
        .limit(Math.max(0, top))
        .forEach(edge -> strongest.put(edge, Objects.requireNonNull(edges.scores().get(edge))));
    return strongest;
  }

  @Override
  protected void print(EdgeAttribution edges) {
    System.out.printf(
        "%s; %d edges%n", runs(edges.clean(), edges.corrupted()), edges.scores().size());
    System.out.println("   score  edge");
    strongest(edges)
        .forEach((edge, score) -> System.out.printf("%+8.3f  %s%n", score, edge.name()));
    Hint.print("'vidrio lens circuit --candidates K' tests the strongest K edges.");
  }

  @Override
  protected void fill(JsonObject object, EdgeAttribution edges) {
    List<JsonObject> scores = new ArrayList<>();
    edges
        .scores()
        .forEach((edge, score) -> scores.add(CircuitCommand.toJson(edge).with("score", score)));
    fillRuns(object, edges.clean(), edges.corrupted());
    object.put("edges", scores);
  }

  /** Returns the strongest edges as a graph and as bars. */
  @Override
  protected List<? extends View> views(EdgeAttribution edges) {
    Map<Edge, Double> strongest = strongest(edges);
    String note =
        String.format(
            "The strongest %d of %d edges: by how much the %s moves when the edge alone carries its"
                + " value from the corrupted text. Clean %.3f, corrupted %.3f.",
            strongest.size(), edges.scores().size(), label(), edges.clean(), edges.corrupted());
    ComponentGraph graph = ComponentGraph.of(Lens.of(model()));
    return List.of(
        CircuitView.of("Edge attribution patching", note, graph, strongest),
        CircuitCommand.bars("Scores by edge.", strongest));
  }
}
