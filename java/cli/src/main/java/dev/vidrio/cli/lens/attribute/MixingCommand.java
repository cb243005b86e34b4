package dev.vidrio.cli.lens.attribute;

import dev.vidrio.cli.io.Heat;
import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.lens.option.PageOption;
import dev.vidrio.cli.lens.option.PositionOption;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.attribute.ContextMixing;
import dev.vidrio.lens.attribute.ContextMixing.Measure;
import dev.vidrio.lens.page.Views;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens mixing}. */
@Command(
    name = "mixing",
    description = {
      "Shows how much of a token's state comes from each token of the text.",
      "One line per token: its share in the middle and the last layer, rolled"
          + " out through all earlier layers. The shares of a layer add up to 1."
    })
public final class MixingCommand implements Callable<Integer> {
  private static final int TOKEN = 16;

  @Mixin private ModelOption model = new ModelOption();
  @Mixin private TextInput input = new TextInput();
  @Mixin private PositionOption position = new PositionOption();
  @Mixin private PageOption page = new PageOption();

  @Option(
      names = "--by",
      paramLabel = "MEASURE",
      defaultValue = "alti",
      description =
          "attention (rollout), norm (of value-weighted vectors), alti or value_zeroing. Default:"
              + " ${DEFAULT-VALUE}.")
  private Measure measure = Measure.ALTI;

  @Option(names = "--json", description = "Print JSON with all layers.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    page.check();
    try (Model opened = model.open()) {
      int[] tokens = input.requiredIds(opened);
      int at = position.of(tokens);
      ContextMixing mixing = ContextMixing.of(Lens.of(opened), tokens, measure);
      if (page.isWanted()) {
        page.write(opened, "vidrio lens mixing", tokens, Views.mixing(opened, tokens, mixing, at));
      } else if (json) {
        Json.print(contents(opened, tokens, mixing, at));
      } else {
        print(opened, tokens, mixing, at);
      }
    }
    return 0;
  }

  private static void print(Model opened, int[] tokens, ContextMixing mixing, int at) {
    int last = mixing.layers() - 1;
    int middle = last / 2;
    System.out.printf(
        "share of each token in the state at position %d, %s (0 to 1)%n",
        at, TokenText.of(opened, tokens[at]));
    System.out.printf("%-21s %9s %9s%n", " pos token", "layer " + middle, "layer " + last);
    for (int j = 0; j <= at; j++) {
      System.out.printf(
          "%4d %s %s %s%n",
          j,
          TokenText.column(opened, tokens[j], TOKEN),
          cell(mixing.rolledOut(middle, at, j)),
          cell(mixing.rolledOut(last, at, j)));
    }
    Hint.print("'vidrio lens attribute' attributes a logit to the tokens.");
  }

  private static String cell(double share) {
    return Heat.cell(String.format("%9.3f", share), share);
  }

  private static Map<String, Object> contents(
      Model opened, int[] tokens, ContextMixing mixing, int at) {
    List<Map<String, Object>> layers = new ArrayList<>();
    for (int l = 0; l < mixing.layers(); l++) {
      int layer = l;
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put(
          "shares",
          IntStream.rangeClosed(0, at).mapToObj(j -> mixing.share(layer, at, j)).toList());
      entry.put(
          "rolled_out",
          IntStream.rangeClosed(0, at).mapToObj(j -> mixing.rolledOut(layer, at, j)).toList());
      layers.add(entry);
    }
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", opened.name());
    result.put("tokens", Arrays.stream(tokens).boxed().toList());
    result.put("position", at);
    result.put("layers", layers);
    return result;
  }
}
