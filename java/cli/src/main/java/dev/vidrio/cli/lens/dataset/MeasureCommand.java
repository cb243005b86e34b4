package dev.vidrio.cli.lens.dataset;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.option.EditOption;
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
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code vidrio lens measure}. */
@Command(
    name = "measure",
    description = {
      "Measures a metric of pairs of texts: can the model do the task?",
      "Prints the means over the clean texts, over the corrupted texts and of the differences"
          + " within pairs, with 95 %% intervals; with --edit also under changed activations, and"
          + " the means of the changes."
    })
@JsonHelp("Print JSON, with the values of each pair.")
public final class MeasureCommand extends PairsCommand<MeasureCommand.Found> {
  @Mixin private EditOption edits = new EditOption();

  /**
   * The metric of both texts of each pair.
   *
   * @param edited with edits, or null without
   */
  record Found(PairMeasure measure, @Nullable PairMeasure edited) {}

  @Override
  protected Found run(Lens lens, List<TextPair> pairs) {
    PairMeasure edited =
        edits.isPresent()
            ? PairMeasure.edited(lens, pairs, tokens -> edits.of(lens, tokens))
            : null;
    return new Found(measure(lens, pairs), edited);
  }

  @Override
  protected void print(Found found) {
    PairMeasure measure = found.measure;
    PairMeasure edited = found.edited;
    System.out.printf("%s, in %s%n", label(), metric().kind().unit());
    if (edited == null) {
      System.out.println("clean      " + padded(measure.cleanMean()));
      System.out.println("corrupted  " + padded(measure.corruptedMean()));
      System.out.println("difference " + padded(measure.difference()));
    } else {
      System.out.printf("%-11s%-17s%-17s%s%n", "", "before", "with edits", "change");
      print("clean", measure.cleanMean(), edited.cleanMean(), cleanChange(measure, edited));
      print(
          "corrupted",
          measure.corruptedMean(),
          edited.corruptedMean(),
          corruptedChange(measure, edited));
    }
    Hint.print("'vidrio lens patch' finds the components that carry the difference.");
  }

  private static void print(String text, Estimate before, Estimate after, Estimate change) {
    System.out.printf("%-11s%-17s%-17s%s%n", text, padded(before), padded(after), padded(change));
  }

  private static String padded(Estimate estimate) {
    return (estimate.mean() < 0 ? "" : " ") + estimate;
  }

  private static Estimate cleanChange(PairMeasure before, PairMeasure after) {
    return change(before.clean(), after.clean());
  }

  private static Estimate corruptedChange(PairMeasure before, PairMeasure after) {
    return change(before.corrupted(), after.corrupted());
  }

  /** Returns the mean of the changes of the texts. */
  private static Estimate change(List<Double> before, List<Double> after) {
    return Estimate.of(differences(after, before));
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    PairMeasure measure = found.measure;
    PairMeasure edited = found.edited;
    fillRuns(object, measure.cleanMean().mean(), measure.corruptedMean().mean());
    object.put("difference", measure.difference().mean());
    object.put("difference_half_width", Json.finite(measure.difference().halfWidth()));
    object.put("pairs", judged().size());
    object.put("clean_values", measure.clean());
    object.put("corrupted_values", measure.corrupted());
    if (edited != null) {
      Estimate clean = cleanChange(measure, edited);
      Estimate corrupted = corruptedChange(measure, edited);
      object.put("edits", edits.texts());
      object.put("clean_change", clean.mean());
      object.put("clean_change_half_width", Json.finite(clean.halfWidth()));
      object.put("corrupted_change", corrupted.mean());
      object.put("corrupted_change_half_width", Json.finite(corrupted.halfWidth()));
      object.put("edited_clean_values", edited.clean());
      object.put("edited_corrupted_values", edited.corrupted());
    }
  }

  @Override
  protected List<? extends View> views(Found found) {
    PairMeasure measure = found.measure;
    PairMeasure edited = found.edited;
    if (edited == null) {
      String note = "Clean minus corrupted text of each pair; mean " + measure.difference() + ".";
      return List.of(
          Bars.byPosition(label(), note, differences(measure.clean(), measure.corrupted())));
    }
    String note =
        "Change of each clean text by the edits; mean " + cleanChange(measure, edited) + ".";
    return List.of(Bars.byPosition(label(), note, differences(edited.clean(), measure.clean())));
  }

  private static List<Double> differences(List<Double> values, List<Double> others) {
    return IntStream.range(0, values.size()).mapToObj(i -> values.get(i) - others.get(i)).toList();
  }
}
