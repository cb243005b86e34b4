package dev.vidrio.cli.lens.inspect;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.lens.option.PageOption;
import dev.vidrio.cli.lens.option.StreamsOption;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.inspect.MassiveActivations;
import dev.vidrio.lens.inspect.MassiveActivations.Element;
import dev.vidrio.lens.inspect.MassiveActivations.Norms;
import dev.vidrio.lens.page.Views;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens norms}. */
@Command(
    name = "norms",
    description = {
      "Shows norms of the residual stream and massive activations.",
      "One line per layer: the norm at the first token, the median of the"
          + " others, and the largest element with its token, dimension and ratio to"
          + " the median magnitude. ! marks a massive one: above 100 and 1000 times"
          + " the median."
    })
public final class NormsCommand implements Callable<Integer> {
  private static final int TOKEN = 8;

  @Mixin private ModelOption model = new ModelOption();
  @Mixin private TextInput input = new TextInput();
  @Mixin private StreamsOption streams = new StreamsOption();
  @Mixin private PageOption page = new PageOption();

  @Option(
      names = "--top",
      paramLabel = "K",
      description = "Elements per layer in JSON. Default: ${DEFAULT-VALUE}.")
  private int top = 5;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    page.check();
    try (Model opened = model.open()) {
      int[] tokens = input.requiredIds(opened);
      try (ActivationCache cache = Lens.of(opened).run(tokens, streams.capture(tokens.length))) {
        MassiveActivations activations = MassiveActivations.of(cache, Math.max(1, top));
        List<Integer> seen =
            Arrays.stream(tokens, cache.from(), cache.from() + cache.rows()).boxed().toList();
        if (page.isWanted()) {
          page.write(
              opened, "vidrio lens norms", tokens, List.of(Views.norms(opened, seen, activations)));
        } else if (json) {
          Json.print(contents(opened, cache, activations));
        } else {
          print(opened, tokens, activations);
        }
      }
    }
    return 0;
  }

  private static void print(Model opened, int[] tokens, MassiveActivations activations) {
    System.out.println(
        "norm at the first token, median norm of the others, and the largest element");
    System.out.printf(
        "%-25s %8s %7s %8s  %7s %5s %4s %s%n",
        "hook", "first", "median", "largest", "×median", "dim", "at", "token");
    for (Norms norms : activations.norms()) {
      Element largest =
          activations.largest().stream()
              .filter(element -> element.point().equals(norms.point()))
              .findFirst()
              .orElseThrow();
      System.out.printf(
          "%-25s %8.1f %7.1f %8.1f%s %7.0f %5d %4d %s%n",
          norms.point(),
          norms.values().getFirst(),
          median(norms.values()),
          largest.value(),
          largest.massive() ? "!" : " ",
          largest.ratio(),
          largest.dimension(),
          largest.position(),
          TokenText.column(opened, tokens[largest.position()], TOKEN).stripTrailing());
    }
    Hint.print("'vidrio lens statistics' measures all dimensions over a long text.");
  }

  /** Returns the median of all values but the first, or the only value. */
  private static double median(List<Double> values) {
    double[] others =
        values.stream().skip(values.size() > 1 ? 1 : 0).mapToDouble(v -> v).sorted().toArray();
    return others[others.length / 2];
  }

  private static Map<String, Object> contents(
      Model opened, ActivationCache cache, MassiveActivations activations) {
    Map<String, Object> streams = new LinkedHashMap<>();
    for (Norms norms : activations.norms()) {
      List<Map<String, Object>> largest =
          activations.largest().stream()
              .filter(element -> element.point().equals(norms.point()))
              .map(NormsCommand::contents)
              .toList();
      streams.put(norms.point().name(), Map.of("norms", norms.values(), "largest", largest));
    }
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", opened.name());
    result.put("tokens", cache.tokens());
    result.put("from", cache.from());
    result.put("hooks", streams);
    return result;
  }

  private static Map<String, Object> contents(Element element) {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("position", element.position());
    result.put("dimension", element.dimension());
    result.put("value", element.value());
    result.put("ratio", element.ratio());
    result.put("massive", element.massive());
    return result;
  }
}
