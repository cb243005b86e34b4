package dev.vidrio.cli.lens.circuit;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.lens.option.FastGradientsOption;
import dev.vidrio.cli.lens.option.PageOption;
import dev.vidrio.cli.lens.option.TextPairsOption;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.circuit.ComponentGraph;
import dev.vidrio.lens.circuit.Edge;
import dev.vidrio.lens.circuit.EdgeAttribution;
import dev.vidrio.lens.page.Bars;
import dev.vidrio.lens.page.CircuitView;
import dev.vidrio.lens.page.View;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens edges}. */
@Command(
    name = "edges",
    description = {
      "Edge attribution patching: finds the edges between components that carry"
          + " what two texts differ in.",
      "A score is the estimated change, by gradients, of the logit difference of the"
          + " answers if the edge alone carries its value of the corrupted text."
    })
public final class EdgesCommand implements Callable<Integer> {
  @Mixin private ModelOption model = new ModelOption();
  @Mixin private TextPairsOption texts = new TextPairsOption();
  @Mixin private FastGradientsOption gradients = new FastGradientsOption();
  @Mixin private PageOption page = new PageOption();

  @Option(
      names = "--steps",
      paramLabel = "N",
      description =
          "Gradients to average between the texts (EAP-IG); 0: only that of the"
              + " clean text (EAP). Default: ${DEFAULT-VALUE}.")
  private int steps = 5;

  @Option(
      names = "--top",
      paramLabel = "K",
      description = "Edges to print; JSON has all. Default: ${DEFAULT-VALUE}.")
  private int top = 20;

  @Option(names = "--json", description = "Print JSON, with all edges in the model's order.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    page.check();
    try (Model opened = model.open()) {
      Lens lens = gradients.lens(opened);
      List<TextPair> pairs = TextPairsOption.pairs(texts.all(opened));
      EdgeAttribution edges =
          steps == 0
              ? EdgeAttribution.of(lens, pairs)
              : EdgeAttribution.integrated(lens, pairs, steps);
      if (page.isWanted()) {
        int[] tokens = TextPairsOption.tokens(pairs);
        page.write(opened, "vidrio lens edges", tokens, views(lens, edges, pairs.size()));
      } else if (json) {
        Json.print(contents(opened, edges));
      } else {
        print(edges, pairs.size());
      }
    }
    return 0;
  }

  /** Returns views of the strongest edges as a graph and as bars. */
  private List<View> views(Lens lens, EdgeAttribution edges, int pairs) {
    Map<Edge, Double> strongest = new LinkedHashMap<>();
    for (Edge edge : strongest(edges)) {
      strongest.put(edge, Objects.requireNonNull(edges.scores().get(edge)));
    }
    String note =
        String.format(
            "The strongest %d of %d edges: by how much the %s moves when the edge alone carries its"
                + " value from the corrupted text. Clean %.3f, corrupted %.3f.",
            strongest.size(),
            edges.scores().size(),
            TextPairsOption.difference(pairs),
            edges.clean(),
            edges.corrupted());
    return List.of(
        CircuitView.of("Edge attribution patching", note, ComponentGraph.of(lens), strongest),
        new Bars(
            "Edges",
            "Scores by edge.",
            strongest.entrySet().stream()
                .map(e -> new Bars.Bar(e.getKey().name(), e.getValue()))
                .toList()));
  }

  private List<Edge> strongest(EdgeAttribution edges) {
    List<Edge> ranked = edges.ranked();
    return ranked.subList(0, Math.clamp(top, 0, ranked.size()));
  }

  private void print(EdgeAttribution edges, int pairs) {
    System.out.printf(
        "%s: clean %.3f, corrupted %.3f; %d edges%n",
        TextPairsOption.difference(pairs), edges.clean(), edges.corrupted(), edges.scores().size());
    System.out.println("   score  edge");
    for (Edge edge : strongest(edges)) {
      System.out.printf("%+8.3f  %s%n", edges.scores().get(edge), edge.name());
    }
    Hint.print("'vidrio lens circuit --candidates K' tests the strongest K edges.");
  }

  private static Map<String, Object> contents(Model opened, EdgeAttribution edges) {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", opened.name());
    result.put("clean_logit_difference", edges.clean());
    result.put("corrupted_logit_difference", edges.corrupted());
    result.put(
        "edges",
        edges.scores().entrySet().stream()
            .map(
                entry ->
                    Map.of(
                        "from", entry.getKey().from().name(),
                        "to", entry.getKey().to().name(),
                        "score", entry.getValue()))
            .toList());
    return result;
  }
}
