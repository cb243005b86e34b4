package dev.vidrio.cli.lens.inspect;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.ProgressBar;
import dev.vidrio.cli.io.TextBar;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.DataOption;
import dev.vidrio.cli.lens.option.EditOption;
import dev.vidrio.cli.lens.option.PositionOption;
import dev.vidrio.cli.lens.option.TargetOption;
import dev.vidrio.cli.lens.option.TargetOption.Target;
import dev.vidrio.cli.lens.option.TextCommand;
import dev.vidrio.cli.option.JsonHelp;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.MetricKind;
import dev.vidrio.lens.MetricSpec;
import dev.vidrio.lens.dataset.PairText;
import dev.vidrio.lens.inspect.DirectLogitAttribution;
import dev.vidrio.lens.inspect.DirectLogitAttribution.By;
import dev.vidrio.lens.inspect.DirectLogitAttribution.Part;
import dev.vidrio.lens.inspect.MeanLogitAttribution;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.lens.page.View;
import dev.vidrio.lens.page.Views;
import dev.vidrio.model.Model;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens dla}. */
@Command(
    name = "dla",
    description = {
      "Direct logit attribution: shows what each component adds to the logit of the next token.",
      "The parts add up to the logit, or to the difference of two logits. --by token traces"
          + " attention back to the tokens of the text (ALTI-Logit). With --pairs, means over the"
          + " clean texts of a data set: the logits of answers minus those of wrong answers, if"
          + " there are some; of sets, their means."
    })
@JsonHelp("Print JSON, with all parts in the model's order.")
public final class DlaCommand extends TextCommand<DlaCommand.Found> {
  @Mixin private PositionOption position = new PositionOption();
  @Mixin private TargetOption target = new TargetOption();
  @Mixin private DataOption data = new DataOption();
  @Mixin private EditOption edits = new EditOption();

  @Option(
      names = "--by",
      paramLabel = "PART",
      defaultValue = "head",
      description = "${COMPLETION-CANDIDATES}.")
  private By by = By.HEAD;

  @Option(names = "--top", paramLabel = "K", description = "Parts to print.")
  private int top = 20;

  /** The parts of a text's logit, or means over several texts. */
  sealed interface Found {}

  /** The parts of a text. */
  private record One(DirectLogitAttribution dla) implements Found {}

  /**
   * The parts of several texts.
   *
   * @param kind of their metric
   */
  private record Mean(MetricKind kind, MeanLogitAttribution dla) implements Found {}

  @Override
  protected void check() {
    super.check();
    data.check(command());
    if (data.isGiven()) {
      edits.requireOneText();
      if (by == By.TOKEN) {
        throw new UsageException("--by token: cannot be combined with --pairs");
      }
    }
  }

  @Override
  protected Found run(Model opened) {
    return data.isGiven() ? mean(Lens.of(opened)) : super.run(opened);
  }

  private Found mean(Lens lens) {
    List<PairText> pairs = data.read(MetricSpec.of(MetricKind.LOGIT));
    boolean versus = pairs.stream().anyMatch(pair -> !pair.wrong().isEmpty());
    MetricSpec spec = MetricSpec.of(versus ? MetricKind.LOGIT_DIFF : MetricKind.LOGIT);
    List<MetricSpec.Bound> targets =
        IntStream.range(0, pairs.size())
            .mapToObj(i -> bind(lens, spec, pairs.get(i), " of line " + (i + 1)))
            .toList();
    List<int[]> texts = new ArrayList<>();
    for (PairText pair : pairs) {
      int[] text = lens.model().tokenizer().encode(pair.clean());
      texts.add(Arrays.copyOf(text, position.of(text) + 1));
    }
    try (var bar = new ProgressBar("texts")) {
      return new Mean(
          spec.kind(),
          MeanLogitAttribution.of(lens, texts, targets, by, share -> bar.update(share, "")));
    }
  }

  private static MetricSpec.Bound bind(Lens lens, MetricSpec spec, PairText pair, String where) {
    MetricSpec.Bound bound = spec.bind(lens.model(), pair.answers(), pair.wrong(), where);
    bound.requireDifferent(where);
    return bound;
  }

  @Override
  protected Found run(Lens lens, int[] tokens) {
    int at = position.of(tokens);
    int[] text = Arrays.copyOf(tokens, at + 1);
    Target explained = target.of(lens.model(), text);
    return new One(
        DirectLogitAttribution.of(
            lens, tokens, at, explained.token(), explained.versus(), by, edits.of(lens, text)));
  }

  @Override
  protected void print(Found found) {
    switch (found) {
      case One one -> print(one.dla);
      case Mean mean -> print(mean);
    }
    Hint.print("'vidrio lens ablate' measures total effects; '--by path' divides heads by source.");
  }

  private void print(DirectLogitAttribution dla) {
    System.out.printf(
        "%s after position %d: %.3f, sum of %d parts%s: %.3f%n",
        new Target(model(), dla.token(), dla.versus()).logitName(),
        dla.position(),
        dla.logit(),
        dla.parts().size(),
        before(dla.capped()),
        dla.sum());
    List<Part> ranked = dla.ranked();
    System.out.println("component         logit");
    double greatest = Math.abs(ranked.getFirst().value());
    for (Part part : ranked.subList(0, Math.clamp(top, 0, ranked.size()))) {
      String bar = TextBar.of(part.value(), greatest);
      System.out.printf("%-14s %+8.3f  %s%n", part.component(), part.value(), bar);
    }
  }

  private void print(Mean mean) {
    MeanLogitAttribution dla = mean.dla;
    System.out.printf(
        "%s, mean of %d texts: %s, sum of %d parts%s: %.3f%n",
        mean.kind.label(),
        dla.texts(),
        dla.logit(),
        dla.parts().size(),
        before(dla.capped()),
        dla.sum());
    List<MeanLogitAttribution.Part> ranked = dla.ranked();
    System.out.println("component         logit    ±95 %");
    double greatest = Math.abs(ranked.getFirst().value().mean());
    for (MeanLogitAttribution.Part part : ranked.subList(0, Math.clamp(top, 0, ranked.size()))) {
      Estimate value = part.value();
      String bar = TextBar.of(value.mean(), greatest);
      System.out.printf(
          "%-14s %+8.3f %8.3f  %s%n", part.component(), value.mean(), value.halfWidth(), bar);
    }
  }

  private static String before(boolean capped) {
    return capped ? ", before the soft cap" : "";
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    switch (found) {
      case One one -> fill(object, one.dla);
      case Mean mean -> fill(object, mean);
    }
  }

  private void fill(JsonObject object, DirectLogitAttribution dla) {
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

  private static void fill(JsonObject object, Mean mean) {
    MeanLogitAttribution dla = mean.dla;
    var parts = new JsonObject();
    var halfWidths = new JsonObject();
    for (MeanLogitAttribution.Part part : dla.parts()) {
      parts.put(part.component(), part.value().mean());
      halfWidths.put(part.component(), Json.finite(part.value().halfWidth()));
    }
    object.with("metric_kind", mean.kind.key()).with("texts", dla.texts());
    object.with("logit", dla.logit().mean()).with("sum", dla.sum());
    object.put("logit_half_width", Json.finite(dla.logit().halfWidth()));
    if (dla.capped()) {
      object.put("capped", true);
    }
    object.with("parts", parts).with("half_widths", halfWidths);
  }

  @Override
  protected List<? extends View> views(Found found) {
    return switch (found) {
      case One one -> Views.attribution(model(), one.dla);
      case Mean mean -> Views.attribution(mean.kind.label(), mean.dla);
    };
  }
}
