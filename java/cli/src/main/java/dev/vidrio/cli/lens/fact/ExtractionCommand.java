package dev.vidrio.cli.lens.fact;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.option.EstimateTable;
import dev.vidrio.cli.lens.option.EstimateText;
import dev.vidrio.cli.lens.option.PageCommand;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.fact.Extraction;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.lens.page.View;
import dev.vidrio.model.Model;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens facts extract}. */
@Command(
    name = "extract",
    description = {
      "Attribute rate and extraction: how the subject's representation becomes the answer.",
      "attributes: share of the subject's attributes (the answers of the facts about it) among the"
          + " --top tokens that the residual stream of its last token would predict; control: that"
          + " of another subject's attributes. attention, mlp: share of the facts' answers that the"
          + " sublayer's output at the last token would predict alone. In percent."
    })
public final class ExtractionCommand extends PageCommand<ExtractionCommand.Found> {
  @Mixin private KnownFacts facts = new KnownFacts();

  @Option(names = "--top", paramLabel = "K", description = "Tokens of a prediction.")
  private int top = 50;

  /** The rates. */
  record Found(KnownFacts.Found facts, Extraction rates) {
    Map<String, List<Estimate>> columns() {
      Map<String, List<Estimate>> columns = new LinkedHashMap<>();
      columns.put("attributes", rates.attributes());
      columns.put("control", rates.control());
      columns.put("attention", rates.attention());
      columns.put("mlp", rates.mlp());
      return columns;
    }
  }

  @Override
  protected Found run(Model opened) {
    Lens lens = Lens.of(opened);
    KnownFacts.Found known = facts.of(lens);
    return new Found(known, Extraction.of(lens, known.facts(), top));
  }

  @Override
  protected void print(Found found) {
    System.out.printf(
        "%s; answer extracted by attention of any layer in %% of them: %s, by a feed-forward block:"
            + " %s%n",
        found.facts.summary(),
        EstimateText.percent(found.rates.extracted()),
        EstimateText.percent(found.rates.extractedByMlp()));
    System.out.println("in %, ± 95 % interval");
    EstimateTable.print(found.columns());
    Hint.print("'vidrio lens logits' shows the predictions of a single prompt.");
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    found.facts.fill(object);
    object.put("top", top);
    object.put("extracted", EstimateText.toJson(found.rates.extracted()));
    object.put("extracted_by_mlp", EstimateText.toJson(found.rates.extractedByMlp()));
    found.columns().forEach((name, layers) -> object.put(name, EstimateText.toJson(layers)));
  }

  @Override
  protected List<? extends View> views(Found found) {
    return List.of(
        EstimateTable.grid(
            "Attribute rate and extraction",
            "Attributes among the "
                + top
                + " most likely tokens at the subject, and answers that sublayers extract at the"
                + " end; "
                + found.facts.summary()
                + ".",
            "rate",
            found.columns()));
  }
}
