package dev.vidrio.cli.lens;

import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.lens.option.FastGradientsOption;
import dev.vidrio.cli.lens.option.TextPairsOption;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.circuit.Edge;
import dev.vidrio.lens.circuit.EdgeAttribution;
import dev.vidrio.model.Model;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
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
      "A score estimates by gradients how much the logit difference of the"
          + " answers moves if the edge alone carries its value from the corrupted"
          + " text."
    })
final class EdgesCommand implements Callable<Integer> {
  @Mixin private ModelOption model = new ModelOption();
  @Mixin private TextPairsOption texts = new TextPairsOption();
  @Mixin private FastGradientsOption gradients = new FastGradientsOption();

  @Option(
      names = "--steps",
      paramLabel = "N",
      defaultValue = "5",
      description =
          "Gradients to average between the texts (EAP-IG); 0: only that of the"
              + " clean text (EAP). Default: ${DEFAULT-VALUE}.")
  private int steps = 5;

  @Option(
      names = "--top",
      paramLabel = "K",
      defaultValue = "20",
      description = "Edges to print; JSON has all. Default: ${DEFAULT-VALUE}.")
  private int top = 20;

  @Option(names = "--json", description = "Print JSON, with all edges in the model's order.")
  private boolean json;

  EdgesCommand() {}

  @Override
  public Integer call() {
    try (Model opened = model.open()) {
      Lens lens = gradients.lens(opened);
      List<TextPair> pairs = TextPairsOption.pairs(texts.all(opened));
      EdgeAttribution edges =
          steps == 0
              ? EdgeAttribution.of(lens, pairs)
              : EdgeAttribution.integrated(lens, pairs, steps);
      if (json) {
        Json.print(contents(opened, edges));
      } else {
        print(edges, pairs.size());
      }
    }
    return 0;
  }

  private void print(EdgeAttribution edges, int pairs) {
    System.out.printf(
        Locale.ROOT,
        "%s: clean %.3f, corrupted %.3f; %d edges%n",
        TextPairsOption.difference(pairs),
        edges.clean(),
        edges.corrupted(),
        edges.scores().size());
    List<Edge> ranked = edges.ranked();
    for (Edge edge : ranked.subList(0, Math.clamp(top, 0, ranked.size()))) {
      System.out.printf(Locale.ROOT, "%+8.3f  %s%n", edges.scores().get(edge), edge.name());
    }
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
