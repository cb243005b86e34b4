package dev.vidrio.cli.lens.intervene;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.TextBar;
import dev.vidrio.cli.lens.option.EstimateText;
import dev.vidrio.cli.lens.option.HeadName;
import dev.vidrio.cli.lens.option.PairsCommand;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.MetricSpec;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.intervene.BackupHeads;
import dev.vidrio.lens.intervene.BackupHeads.Backup;
import dev.vidrio.lens.intervene.BackupHeads.Prompt;
import dev.vidrio.lens.page.Bars;
import dev.vidrio.lens.page.View;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code vidrio lens backup}. */
@Command(
    name = "backup",
    description = {
      "Self-repair: finds the later heads and feed-forward blocks that compensate for the ablation"
          + " of a head.",
      "change: a component's direct effect on the logit difference with the ablation less that"
          + " without, positive for a backup; importance: the loss by zeroing the head with the"
          + " ablation less that without."
    })
public final class BackupCommand extends PairsCommand<BackupHeads> {
  /** Replacements of the head's output. */
  private enum By {
    CORRUPTED,
    ZERO
  }

  @Option(
      names = "--of",
      paramLabel = "L9.H1",
      required = true,
      description = "The head to ablate.")
  private String head = "";

  @Option(
      names = "--by",
      paramLabel = "BY",
      defaultValue = "corrupted",
      description =
          "The replacement of its output, that of the corrupted text or zeros:"
              + " ${COMPLETION-CANDIDATES}.")
  private By by = By.CORRUPTED;

  @Option(names = "--top", paramLabel = "K", description = "Components to print; JSON has all.")
  private int top = 12;

  @Override
  protected void requireMetric(MetricSpec spec) {
    requireLogitDifference(spec);
  }

  @Override
  protected BackupHeads run(Lens lens, List<TextPair> pairs) {
    HeadName name = HeadName.parse(head);
    List<Prompt> prompts =
        judged().stream()
            .map(judged -> new Prompt(judged.pair().clean(), judged.answer(), judged.wrong()))
            .toList();
    return by == By.ZERO
        ? BackupHeads.zero(lens, prompts, name.layer(), name.head())
        : BackupHeads.resample(
            lens,
            prompts,
            pairs.stream().map(TextPair::corrupted).toList(),
            name.layer(),
            name.head());
  }

  @Override
  protected void print(BackupHeads found) {
    System.out.printf("%s: %s%n", label(), EstimateText.of(found.metric()));
    System.out.printf(
        "%s: direct effect %s, total effect %s, repaired %s%n",
        head,
        EstimateText.of(found.direct()),
        EstimateText.of(found.total()),
        EstimateText.of(found.repair()));
    List<Backup> ranked = ranked(found);
    double largest = ranked.isEmpty() ? 1 : Math.abs(ranked.getFirst().change().mean());
    System.out.println("component            change        importance");
    for (Backup part : ranked.subList(0, Math.clamp(top, 0, ranked.size()))) {
      System.out.printf(
          "%-8s %18s %17s  %s%n",
          part.name(),
          EstimateText.of(part.change()),
          part.importance().count() == 0 ? "" : EstimateText.of(part.importance()),
          TextBar.of(part.change().mean(), largest));
    }
    Hint.print("'vidrio lens ablate' shows the total effects of all heads.");
  }

  private static List<Backup> ranked(BackupHeads found) {
    return found.parts().stream()
        .sorted(Comparator.comparingDouble((Backup part) -> -Math.abs(part.change().mean())))
        .toList();
  }

  @Override
  protected void fill(JsonObject object, BackupHeads found) {
    object.with("pairs", judged().size()).with("of", head);
    object.put("by", by.name().toLowerCase(Locale.ROOT));
    object.put("logit_difference", EstimateText.toJson(found.metric()));
    object.put("direct", EstimateText.toJson(found.direct()));
    object.put("total", EstimateText.toJson(found.total()));
    object.put("repair", EstimateText.toJson(found.repair()));
    object.put(
        "components",
        found.parts().stream()
            .map(
                part ->
                    new JsonObject()
                        .with("name", part.name())
                        .with("change", EstimateText.toJson(part.change()))
                        .with("importance", EstimateText.toJson(part.importance())))
            .toList());
  }

  @Override
  protected List<? extends View> views(BackupHeads found) {
    return List.of(
        new Bars(
            "Self-repair",
            "Change of the direct effect of later components by the ablation of " + head + ".",
            found.parts().stream()
                .map(part -> new Bars.Bar(part.name(), part.change().mean()))
                .toList()));
  }
}
