package dev.vidrio.cli.lens.fact;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.option.EstimateTable;
import dev.vidrio.cli.lens.option.EstimateText;
import dev.vidrio.cli.lens.option.PageCommand;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.fact.AttentionKnockOut;
import dev.vidrio.lens.page.View;
import dev.vidrio.model.Model;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens facts knock-out}. */
@Command(
    name = "knock-out",
    description = {
      "Attention knock-out: finds the layers in which the last token reads the subject.",
      "In a window of layers around each layer, the last token does not attend to the subject, to"
          + " all other tokens, or to itself. The table shows the relative change of the"
          + " probability of the answer, in percent."
    })
public final class KnockOutCommand extends PageCommand<KnockOutCommand.Found> {
  @Mixin private KnownFacts facts = new KnownFacts();

  @Option(names = "--window", paramLabel = "N", description = "Layers of a window.")
  private int window = 5;

  /** The changes. */
  record Found(KnownFacts.Found facts, AttentionKnockOut changes) {}

  @Override
  protected Found run(Model opened) {
    Lens lens = Lens.of(opened);
    KnownFacts.Found known = facts.of(lens);
    return new Found(known, AttentionKnockOut.of(lens, known.facts(), window));
  }

  @Override
  protected void print(Found found) {
    System.out.printf(
        "%s; probability of the answer in %%: %s%n",
        found.facts.summary(), EstimateText.percent(found.changes.probability()));
    System.out.println(
        "change of the probability in %, ± 95 % interval, if the last token does not attend to");
    EstimateTable.print(found.changes.changes());
    Hint.print("'vidrio lens facts extract' shows which layers write the answer.");
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    found.facts.fill(object);
    object.put("window", window);
    object.put("probability", EstimateText.toJson(found.changes.probability()));
    object.put("changes", EstimateTable.toJson(found.changes.changes()));
  }

  @Override
  protected List<? extends View> views(Found found) {
    return List.of(
        EstimateTable.grid(
            "Attention knock-out",
            "Relative change of the probability of the answer if the last token does not attend to"
                + " a part of the prompt in "
                + window
                + " layers around each; "
                + found.facts.summary()
                + ".",
            "change",
            found.changes.changes()));
  }
}
