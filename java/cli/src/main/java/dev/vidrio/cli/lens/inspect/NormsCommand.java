package dev.vidrio.cli.lens.inspect;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.option.StreamsOption;
import dev.vidrio.cli.lens.option.TextCommand;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.inspect.MassiveActivations;
import dev.vidrio.lens.inspect.MassiveActivations.Element;
import dev.vidrio.lens.inspect.MassiveActivations.Norms;
import dev.vidrio.lens.page.View;
import dev.vidrio.lens.page.Views;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens norms}. */
@Command(
    name = "norms",
    description = {
      "Shows norms of the residual stream and massive activations.",
      "One line per layer: the norm at the first token, the median of the others, and the largest"
          + " element with its token, dimension and ratio to the median magnitude. ! marks a"
          + " massive one: above 100 and 1000 times the median."
    })
public final class NormsCommand extends TextCommand<NormsCommand.Found> {
  private static final int TOKEN = 8;

  @Mixin private StreamsOption streams = new StreamsOption();

  @Option(names = "--top", paramLabel = "K", description = "Elements per layer in JSON.")
  private int top = 5;

  /**
   * The norms and the largest elements.
   *
   * @param from the first position
   */
  record Found(int from, MassiveActivations activations) {
    Stream<Element> largest(Norms norms) {
      return activations.largest().stream()
          .filter(element -> element.point().equals(norms.point()));
    }
  }

  @Override
  protected Found run(Lens lens, int[] tokens) {
    try (ActivationCache cache = lens.run(tokens, streams.capture(tokens.length))) {
      return new Found(cache.from(), MassiveActivations.of(cache, Math.max(1, top)));
    }
  }

  @Override
  protected void print(Found found) {
    System.out.println(
        "norm at the first token, median norm of the others, and the largest element");
    System.out.printf(
        "%-25s %8s %7s %8s  %7s %5s %4s %s%n",
        "hook", "first", "median", "largest", "×median", "dim", "at", "token");
    for (Norms norms : found.activations.norms()) {
      Element largest = found.largest(norms).findFirst().orElseThrow();
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
          TokenText.column(model(), tokens()[largest.position()], TOKEN).stripTrailing());
    }
    Hint.print("'vidrio lens statistics' measures all dimensions over a long text.");
  }

  /** Returns the median of all values but the first, or the only value. */
  private static double median(List<Double> values) {
    double[] others =
        values.stream().skip(values.size() > 1 ? 1 : 0).mapToDouble(v -> v).sorted().toArray();
    return others[others.length / 2];
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    var streams = new JsonObject();
    for (Norms norms : found.activations.norms()) {
      List<JsonObject> largest = found.largest(norms).map(NormsCommand::toJson).toList();
      streams.put(
          norms.point().name(),
          new JsonObject().with("norms", norms.values()).with("largest", largest));
    }
    object.with("tokens", tokens()).with("from", found.from).with("hooks", streams);
  }

  private static JsonObject toJson(Element element) {
    return new JsonObject()
        .with("position", element.position())
        .with("dimension", element.dimension())
        .with("value", element.value())
        .with("ratio", element.ratio())
        .with("massive", element.massive());
  }

  @Override
  protected List<? extends View> views(Found found) {
    int rows = found.activations.norms().getFirst().values().size();
    List<Integer> seen = Arrays.stream(tokens(), found.from, found.from + rows).boxed().toList();
    return List.of(Views.norms(model(), seen, found.activations));
  }
}
