package dev.vidrio.cli.lens.intervene;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.InputOutput;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.TextBar;
import dev.vidrio.cli.lens.option.PositionOption;
import dev.vidrio.cli.lens.option.TargetOption;
import dev.vidrio.cli.lens.option.TargetOption.Target;
import dev.vidrio.cli.lens.option.TextCommand;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.decode.TextChunks;
import dev.vidrio.lens.intervene.ActivationPatching.Site;
import dev.vidrio.lens.intervene.ComponentAblation;
import dev.vidrio.lens.page.View;
import dev.vidrio.lens.page.Views;
import dev.vidrio.model.Model;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens ablate}. */
@Command(
    name = "ablate",
    description = {
      "Ablation: measures the total effect of each component on the next token.",
      "One line per component: the drop of the log-probability, or of the difference of two logits,"
          + " without it."
    })
public final class AblateCommand extends TextCommand<AblateCommand.Found> {
  /** Tokens per chunk of the text of {@code --mean-of}. */
  private static final int LENGTH = 128;

  @Mixin private PositionOption position = new PositionOption();
  @Mixin private TargetOption target = new TargetOption();

  @Option(
      names = "--site",
      paramLabel = "SITE",
      defaultValue = "head",
      description = "${COMPLETION-CANDIDATES}.")
  private Site site = Site.HEAD;

  @Option(
      names = "--mean-of",
      paramLabel = "FILE",
      description = "Replace a component by its mean activation over this text, not by zeros.")
  private @Nullable Path meanOf;

  @Option(names = "--top", paramLabel = "K", description = "Components to print; JSON has all.")
  private int top = 20;

  /** The metric without each component. */
  record Found(Target target, ComponentAblation ablation) {}

  /** A component and the drop of the metric without it. */
  private record Effect(String name, double value) {}

  @Override
  protected Found run(Lens lens, int[] text) {
    int[] tokens = cut(position.of(text) + 1);
    Target explained = target.of(lens.model(), tokens);
    Metric metric = explained.metric();
    return new Found(
        explained,
        meanOf == null
            ? ComponentAblation.zero(lens, tokens, metric, site)
            : ComponentAblation.mean(lens, tokens, metric, site, chunks(lens.model(), meanOf)));
  }

  private static List<int[]> chunks(Model model, Path file) {
    int length = Math.min(LENGTH, model.architecture().contextLength());
    return TextChunks.of(model, model.tokenizer().encode(InputOutput.read(file)), length);
  }

  @Override
  protected void print(Found found) {
    ComponentAblation ablation = found.ablation;
    System.out.printf("%s: %.3f%n", found.target.metricName(), ablation.metric());
    List<Effect> effects = new ArrayList<>();
    for (int row = 0; row < ablation.rows().size(); row++) {
      for (int column = 0; column < ablation.columns().size(); column++) {
        effects.add(new Effect(ablation.name(row, column), ablation.effect(row, column)));
      }
    }
    effects.sort(Comparator.comparingDouble(effect -> -Math.abs(effect.value)));
    double greatest = Math.abs(effects.getFirst().value);
    System.out.println("component          drop");
    for (Effect effect : effects.subList(0, Math.clamp(top, 0, effects.size()))) {
      String bar = TextBar.of(effect.value, greatest);
      System.out.printf("%-14s %+8.3f  %s%n", effect.name, effect.value, bar);
    }
    Hint.print("'vidrio lens dla' shows the direct effect only.");
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    object.put("tokens", tokens());
    found.target.fill(object);
    object.put("site", site.name().toLowerCase(Locale.ROOT));
    object.put("by", meanOf == null ? "zero" : "mean");
    object.put("metric", found.ablation.metric());
    object.put("rows", found.ablation.rows());
    object.put("columns", found.ablation.columns());
    object.put("without", found.ablation.without());
  }

  @Override
  protected List<? extends View> views(Found found) {
    return List.of(Views.ablation(found.ablation, found.target.metricName()));
  }
}
