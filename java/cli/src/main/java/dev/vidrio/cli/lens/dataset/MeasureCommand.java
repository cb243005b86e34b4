package dev.vidrio.cli.lens.dataset;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.option.PairsCommand;
import dev.vidrio.cli.option.JsonHelp;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.PairMeasure;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.lens.page.Bars;
import dev.vidrio.lens.page.View;
import java.util.List;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;

/** {@code vidrio lens measure}. */
@Command(
    name = "measure",
    description = {
      "Measures a metric of pairs of texts: can the model do the task?",
      "Prints the means over the clean texts, over the corrupted texts and of the differences"
          + " within pairs, with 95 %% intervals."
    })
@JsonHelp("Print JSON, with the values of each pair.")
public final class MeasureCommand extends PairsCommand<PairMeasure> {
  @Override
  protected PairMeasure run(Lens lens, List<TextPair> pairs) {
    return measure(lens, pairs);
  }

  @Override
  protected void print(PairMeasure measure) {
    System.out.printf("%s, in %s%n", label(), metric().kind().unit());
    System.out.println("clean      " + padded(measure.cleanMean()));
    System.out.println("corrupted  " + padded(measure.corruptedMean()));
    System.out.println("difference " + padded(measure.difference()));
    Hint.print("'vidrio lens patch' finds the components that carry the difference.");
  }

  private static String padded(Estimate estimate) {
    return (estimate.mean() < 0 ? "" : " ") + estimate;
  }

  @Override
  protected void fill(JsonObject object, PairMeasure measure) {
    fillRuns(object, measure.cleanMean().mean(), measure.corruptedMean().mean());
    object.put("difference", measure.difference().mean());
    object.put("difference_half_width", Json.finite(measure.difference().halfWidth()));
    object.put("pairs", judged().size());
    object.put("clean_values", measure.clean());
    object.put("corrupted_values", measure.corrupted());
  }

  @Override
  protected List<? extends View> views(PairMeasure measure) {
    List<Double> differences =
        IntStream.range(0, measure.clean().size())
            .mapToObj(i -> measure.clean().get(i) - measure.corrupted().get(i))
            .toList();
    String note = "Clean minus corrupted text of each pair; mean " + measure.difference() + ".";
    return List.of(Bars.byPosition(label(), note, differences));
  }
}
