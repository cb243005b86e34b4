package dev.vidrio.cli.lens.inspect;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.option.EditOption;
import dev.vidrio.cli.lens.option.PositionOption;
import dev.vidrio.cli.lens.option.TextCommand;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.inspect.DirectLogitAttribution.By;
import dev.vidrio.lens.inspect.ResidualDecomposition;
import dev.vidrio.lens.inspect.ResidualDecomposition.Part;
import dev.vidrio.lens.page.Bars;
import dev.vidrio.lens.page.View;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens residual}. */
@Command(
    name = "residual",
    description = {
      "Shows what components write to the residual stream of a token.",
      "One line per component: the norm of what it writes, its cosine with the stream before, and"
          + " its share of the final stream's length. The shares add up to 1."
    })
public final class ResidualCommand extends TextCommand<ResidualDecomposition> {
  @Mixin private PositionOption position = new PositionOption();
  @Mixin private EditOption edits = new EditOption();

  @Option(
      names = "--by",
      paramLabel = "PART",
      defaultValue = "layer",
      description = "${COMPLETION-CANDIDATES}.")
  private By by = By.LAYER;

  @Override
  protected ResidualDecomposition run(Lens lens, int[] tokens) {
    return ResidualDecomposition.of(edits.apply(lens, tokens), tokens, position.of(tokens), by);
  }

  @Override
  protected void print(ResidualDecomposition decomposition) {
    System.out.printf(
        "residual stream at position %d, %s: norm %.2f%n",
        decomposition.position(),
        TokenText.of(model(), tokens()[decomposition.position()]),
        decomposition.norm());
    System.out.println("component        norm   cosine    share");
    for (Part part : decomposition.parts()) {
      System.out.printf(
          "%-12s %8.3f %+8.3f %+8.3f%n",
          part.component(), part.norm(), part.cosine(), part.share());
    }
    Hint.print("'vidrio lens dla' shows what these components add to a logit.");
  }

  @Override
  protected void fill(JsonObject object, ResidualDecomposition decomposition) {
    var parts = new JsonObject();
    for (Part part : decomposition.parts()) {
      parts.put(
          part.component(),
          new JsonObject()
              .with("norm", part.norm())
              .with("cosine", part.cosine())
              .with("share", part.share()));
    }
    object.put("tokens", tokens());
    object.put("position", decomposition.position());
    object.put("norm", decomposition.norm());
    object.put("parts", parts);
  }

  @Override
  protected List<? extends View> views(ResidualDecomposition decomposition) {
    String note =
        String.format(
            "The share of each component in the residual stream after position %d, of norm %.2f."
                + " Shares add up to 1.",
            decomposition.position(), decomposition.norm());
    List<Bars.Bar> bars =
        decomposition.parts().stream()
            .map(part -> new Bars.Bar(part.component(), part.share()))
            .toList();
    return List.of(new Bars("Residual decomposition", note, bars));
  }
}
