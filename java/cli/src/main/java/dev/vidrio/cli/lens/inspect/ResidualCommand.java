package dev.vidrio.cli.lens.inspect;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.lens.option.PageOption;
import dev.vidrio.cli.lens.option.PositionOption;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.inspect.DirectLogitAttribution.By;
import dev.vidrio.lens.inspect.ResidualDecomposition;
import dev.vidrio.lens.inspect.ResidualDecomposition.Part;
import dev.vidrio.lens.page.Bars;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens residual}. */
@Command(
    name = "residual",
    description = {
      "Shows what components write to the residual stream of a token.",
      "One line per component: the norm of what it writes, its cosine with the"
          + " stream before, and its share of the final stream's length. The shares"
          + " add up to 1."
    })
public final class ResidualCommand implements Callable<Integer> {
  @Mixin private ModelOption model = new ModelOption();
  @Mixin private TextInput input = new TextInput();
  @Mixin private PositionOption position = new PositionOption();
  @Mixin private PageOption page = new PageOption();

  @Option(
      names = "--by",
      paramLabel = "PART",
      defaultValue = "layer",
      description = "${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
  private By by = By.LAYER;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    page.check();
    try (Model opened = model.open()) {
      int[] tokens = input.requiredIds(opened);
      var decomposition =
          ResidualDecomposition.of(Lens.of(opened), tokens, position.of(tokens), by);
      if (page.isWanted()) {
        page.write(opened, "vidrio lens residual", tokens, List.of(bars(decomposition)));
      } else if (json) {
        Json.print(contents(opened, tokens, decomposition));
      } else {
        print(opened, tokens, decomposition);
      }
    }
    return 0;
  }

  private static Bars bars(ResidualDecomposition decomposition) {
    return new Bars(
        "Residual decomposition",
        String.format(
            "The share of each component in the residual stream after position %d, of norm %.2f."
                + " Shares add up to 1.",
            decomposition.position(), decomposition.norm()),
        decomposition.parts().stream()
            .map(part -> new Bars.Bar(part.component(), part.share()))
            .toList());
  }

  private static void print(Model opened, int[] tokens, ResidualDecomposition decomposition) {
    System.out.printf(
        "residual stream at position %d, %s: norm %.2f%n",
        decomposition.position(),
        TokenText.of(opened, tokens[decomposition.position()]),
        decomposition.norm());
    System.out.println("component        norm   cosine    share");
    for (Part part : decomposition.parts()) {
      System.out.printf(
          "%-12s %8.3f %+8.3f %+8.3f%n",
          part.component(), part.norm(), part.cosine(), part.share());
    }
    Hint.print("'vidrio lens dla' shows what these components add to a logit.");
  }

  private static Map<String, Object> contents(
      Model opened, int[] tokens, ResidualDecomposition decomposition) {
    Map<String, Object> parts = new LinkedHashMap<>();
    for (Part part : decomposition.parts()) {
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("norm", part.norm());
      entry.put("cosine", part.cosine());
      entry.put("share", part.share());
      parts.put(part.component(), entry);
    }
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", opened.name());
    result.put("tokens", tokens);
    result.put("position", decomposition.position());
    result.put("norm", decomposition.norm());
    result.put("parts", parts);
    return result;
  }
}
