package dev.vidrio.cli.lens.inspect;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.TextBar;
import dev.vidrio.cli.lens.option.EditOption;
import dev.vidrio.cli.lens.option.PositionOption;
import dev.vidrio.cli.lens.option.TargetOption;
import dev.vidrio.cli.lens.option.TargetOption.Target;
import dev.vidrio.cli.lens.option.TextCommand;
import dev.vidrio.cli.option.JsonHelp;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.inspect.DirectLogitAttribution;
import dev.vidrio.lens.inspect.DirectLogitAttribution.By;
import dev.vidrio.lens.inspect.DirectLogitAttribution.Part;
import dev.vidrio.lens.page.View;
import dev.vidrio.lens.page.Views;
import java.util.Arrays;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens dla}. */
@Command(
    name = "dla",
    description = {
      "Direct logit attribution: shows what each component adds to the logit of the next token.",
      "The parts add up to the logit, or to the difference of two logits. --by token traces"
          + " attention back to the tokens of the text (ALTI-Logit)."
    })
@JsonHelp("Print JSON, with all parts in the model's order.")
public final class DlaCommand extends TextCommand<DirectLogitAttribution> {
  @Mixin private PositionOption position = new PositionOption();
  @Mixin private TargetOption target = new TargetOption();
  @Mixin private EditOption edits = new EditOption();

  @Option(
      names = "--by",
      paramLabel = "PART",
      defaultValue = "head",
      description = "${COMPLETION-CANDIDATES}.")
  private By by = By.HEAD;

  @Option(names = "--top", paramLabel = "K", description = "Parts to print.")
  private int top = 20;

  @Override
  protected DirectLogitAttribution run(Lens lens, int[] tokens) {
    int at = position.of(tokens);
    int[] text = Arrays.copyOf(tokens, at + 1);
    Target explained = target.of(lens.model(), text);
    return DirectLogitAttribution.of(
        lens, tokens, at, explained.token(), explained.versus(), by, edits.of(lens, text));
  }

  @Override
  protected void print(DirectLogitAttribution dla) {
    System.out.printf(
        "%s after position %d: %.3f, sum of %d parts%s: %.3f%n",
        new Target(model(), dla.token(), dla.versus()).logitName(),
        dla.position(),
        dla.logit(),
        dla.parts().size(),
        dla.capped() ? ", before the soft cap" : "",
        dla.sum());
    List<Part> ranked = dla.ranked();
    System.out.println("component         logit");
    double greatest = Math.abs(ranked.getFirst().value());
    for (Part part : ranked.subList(0, Math.clamp(top, 0, ranked.size()))) {
      String bar = TextBar.of(part.value(), greatest);
      System.out.printf("%-14s %+8.3f  %s%n", part.component(), part.value(), bar);
    }
    Hint.print("'vidrio lens ablate' measures total effects; '--by path' divides heads by source.");
  }

  @Override
  protected void fill(JsonObject object, DirectLogitAttribution dla) {
    var parts = new JsonObject();
    dla.parts().forEach(part -> parts.put(part.component(), part.value()));
    object.with("tokens", tokens()).with("position", dla.position());
    new Target(model(), dla.token(), dla.versus()).fill(object);
    object.with("logit", dla.logit()).with("sum", dla.sum());
    if (dla.capped()) {
      object.put("capped", true);
    }
    object.put("parts", parts);
  }

  @Override
  protected List<? extends View> views(DirectLogitAttribution dla) {
    return Views.attribution(model(), dla);
  }
}
