package dev.vidrio.cli.lens.intervene;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.InputOutput;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.ProgressBar;
import dev.vidrio.cli.io.TextBar;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.DataOption;
import dev.vidrio.cli.lens.option.LayerNumber;
import dev.vidrio.cli.lens.option.Measured;
import dev.vidrio.cli.lens.option.MetricOption;
import dev.vidrio.cli.lens.option.PositionOption;
import dev.vidrio.cli.lens.option.TargetOption;
import dev.vidrio.cli.lens.option.TextCommand;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.MetricKind;
import dev.vidrio.lens.MetricSpec;
import dev.vidrio.lens.TextChunks;
import dev.vidrio.lens.circuit.CircuitAblation;
import dev.vidrio.lens.intervene.ActivationPatching.Site;
import dev.vidrio.lens.intervene.ComponentAblation;
import dev.vidrio.lens.intervene.ConstantTraining;
import dev.vidrio.lens.intervene.OptimalConstants;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.lens.page.View;
import dev.vidrio.lens.page.Views;
import dev.vidrio.model.Model;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens ablate}. */
@Command(
    name = "ablate",
    description = {
      "Ablation: measures the total effect of each component on the next token.",
      "One line per component: the drop of the log-probability, of the difference of two logits, or"
          + " of another --metric, without it.",
      "A component carries zeros, its mean over texts, or with --ablation optimal the constant with"
          + " which the model predicts best over the clean texts of --pairs; use many texts."
          + " Constants are trained one by one, which --layers limits."
    })
public final class AblateCommand extends TextCommand<AblateCommand.Found> {
  /** Tokens per chunk of the text of {@code --mean-of}. */
  private static final int LENGTH = 128;

  @Mixin private PositionOption position = new PositionOption();
  @Mixin private TargetOption target = new TargetOption();
  @Mixin private MetricOption metric = new MetricOption();
  @Mixin private DataOption data = new DataOption();

  @Option(
      names = "--site",
      paramLabel = "SITE",
      defaultValue = "head",
      description = "${COMPLETION-CANDIDATES}.")
  private Site site = Site.HEAD;

  @Option(
      names = "--ablation",
      paramLabel = "ABLATION",
      description =
          "zero; mean, over the clean texts of --pairs or the text of --mean-of; optimal, with"
              + " --pairs. Default: zero, or mean with --mean-of.")
  private @Nullable CircuitAblation ablation;

  @Option(
      names = "--layers",
      paramLabel = "N,N",
      split = ",",
      description = "Layers to ablate; negative numbers count from the end. Default: all.")
  private List<Integer> layers = List.of();

  @Option(
      names = "--mean-of",
      paramLabel = "FILE",
      description = "Replace a component by its mean activation over this text, not by zeros.")
  private @Nullable Path meanOf;

  @Option(names = "--top", paramLabel = "K", description = "Components to print; JSON has all.")
  private int top = 20;

  /**
   * The metric without each component: of a text, or means over several texts.
   *
   * @param name of the metric
   * @param measured the text; null for several
   * @param mean of the metric
   * @param effects of each component, row by row
   * @param texts their number
   * @param constants of optimal ablation, or null
   */
  record Found(
      String name,
      @Nullable Measured measured,
      Estimate mean,
      List<Estimate> effects,
      int texts,
      ComponentAblation ablation,
      @Nullable OptimalConstants constants) {}

  /** A component and the drop of the metric without it. */
  private record Effect(String name, Estimate value) {}

  @Override
  protected void check() {
    super.check();
    data.check(command());
    CircuitAblation by = ablation();
    if (by == CircuitAblation.PATCH) {
      throw new UsageException(
          "--ablation patch: must be zero, mean or optimal; 'vidrio lens patch' has it");
    }
    if (meanOf != null && by != CircuitAblation.MEAN) {
      throw new UsageException("--mean-of: cannot be combined with --ablation " + by.label());
    }
    if (by == CircuitAblation.OPTIMAL && !data.isGiven()) {
      throw new UsageException("--ablation optimal: requires --pairs");
    }
    if (by == CircuitAblation.MEAN && meanOf == null && !data.isGiven()) {
      throw new UsageException("--ablation mean: requires --pairs or --mean-of");
    }
  }

  private CircuitAblation ablation() {
    return ablation != null
        ? ablation
        : meanOf == null ? CircuitAblation.ZERO : CircuitAblation.MEAN;
  }

  @Override
  protected Found run(Model opened) {
    if (!data.isGiven()) {
      return super.run(opened);
    }
    Lens lens = Lens.of(opened);
    MetricSpec spec = metric.or(MetricKind.LOGIT_DIFF);
    List<Measured> texts =
        data.each(lens, spec, text -> Arrays.copyOf(text, position.of(text) + 1), each -> each);
    List<int[]> tokens = texts.stream().map(Measured::text).toList();
    List<int[]> others = meanOf == null ? tokens : others(opened);
    OptimalConstants constants = ablation() == CircuitAblation.OPTIMAL ? train(lens, tokens) : null;
    List<ComponentAblation> all =
        texts.stream().map(text -> ablate(lens, text, others, constants)).toList();
    ComponentAblation first = all.getFirst();
    List<Estimate> effects =
        DataOption.means(all.stream().map(AblateCommand::effects).toList(), "--site " + site());
    Estimate mean = Estimate.of(all.stream().mapToDouble(ComponentAblation::metric).toArray());
    String name = spec.kind().label() + ", mean of " + all.size() + " texts";
    List<Double> without = effects.stream().map(effect -> mean.mean() - effect.mean()).toList();
    int columns = first.columns().size();
    List<List<Double>> table =
        IntStream.range(0, first.rows().size())
            .mapToObj(row -> without.subList(row * columns, (row + 1) * columns))
            .toList();
    return new Found(
        name,
        null,
        mean,
        effects,
        all.size(),
        new ComponentAblation(site, mean.mean(), first.rows(), first.columns(), table),
        constants);
  }

  private OptimalConstants train(Lens lens, List<int[]> texts) {
    try (var bar = new ProgressBar("constants")) {
      return OptimalConstants.of(
          lens,
          texts,
          site,
          layers(lens.model()),
          ConstantTraining.DEFAULT,
          share -> bar.update(share, ""));
    }
  }

  private List<Integer> layers(Model model) {
    return layers.stream().map(layer -> LayerNumber.of(model, layer)).distinct().toList();
  }

  @Override
  protected Found run(Lens lens, int[] text) {
    int[] tokens = cut(position.of(text) + 1);
    Measured measured = target.of(lens, tokens, metric, MetricKind.LOGPROB);
    use(measured.text());
    ComponentAblation found = ablate(lens, measured, others(lens.model()), null);
    List<Estimate> effects = effects(found).stream().map(Estimate::of).toList();
    return new Found(
        measured.name(), measured, Estimate.of(found.metric()), effects, 1, found, null);
  }

  private ComponentAblation ablate(
      Lens lens, Measured measured, List<int[]> others, @Nullable OptimalConstants constants) {
    int[] text = measured.text();
    List<Integer> chosen = layers(lens.model());
    if (constants != null) {
      return ComponentAblation.optimal(lens, text, measured.metric(), constants);
    }
    return ablation() == CircuitAblation.ZERO
        ? ComponentAblation.zero(lens, text, measured.metric(), site, chosen)
        : ComponentAblation.mean(lens, text, measured.metric(), site, chosen, others);
  }

  /** Returns the effects of all components, row by row. */
  private static List<Double> effects(ComponentAblation ablation) {
    int columns = ablation.columns().size();
    return IntStream.range(0, ablation.rows().size() * columns)
        .mapToObj(i -> ablation.effect(i / columns, i % columns))
        .toList();
  }

  private String site() {
    return site.name().toLowerCase(Locale.ROOT);
  }

  /** Returns the texts of {@code --mean-of}, if it is given. */
  private List<int[]> others(Model model) {
    return meanOf == null ? List.of() : chunks(model, meanOf);
  }

  private static List<int[]> chunks(Model model, Path file) {
    int length = Math.min(LENGTH, model.architecture().contextLength());
    return TextChunks.of(model, model.tokenizer().encode(InputOutput.read(file)), length);
  }

  @Override
  protected void print(Found found) {
    ComponentAblation ablation = found.ablation;
    System.out.println(found.name + ": " + found.mean);
    if (found.constants != null) {
      List<OptimalConstants.Loss> losses = found.constants.losses();
      System.out.printf(
          "KL divergence of the prediction without a component, mean of %d: %.4f nats with its"
              + " mean, %.4f with its optimal constant%n",
          losses.size(),
          losses.stream().mapToDouble(OptimalConstants.Loss::mean).average().orElse(0),
          losses.stream().mapToDouble(OptimalConstants.Loss::optimal).average().orElse(0));
    }
    int columns = ablation.columns().size();
    List<Effect> effects = new ArrayList<>();
    for (int i = 0; i < found.effects.size(); i++) {
      effects.add(new Effect(ablation.name(i / columns, i % columns), found.effects.get(i)));
    }
    effects.sort(Comparator.comparingDouble(effect -> -Math.abs(effect.value.mean())));
    double greatest = Math.abs(effects.getFirst().value.mean());
    boolean several = found.texts > 1;
    System.out.println("component          drop" + (several ? "    ±95 %" : ""));
    for (Effect effect : effects.subList(0, Math.clamp(top, 0, effects.size()))) {
      double value = effect.value.mean();
      String interval = several ? " %8.3f".formatted(effect.value.halfWidth()) : "";
      String bar = TextBar.of(value, greatest);
      System.out.printf("%-14s %+8.3f%s  %s%n", effect.name, value, interval, bar);
    }
    Hint.print("'vidrio lens dla' shows the direct effect only.");
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    if (found.measured == null) {
      object.put("metric_kind", metric.or(MetricKind.LOGIT_DIFF).kind().key());
      object.put("metric_half_width", Json.finite(found.mean.halfWidth()));
      DataOption.fill(object, found.texts, found.effects);
    } else {
      object.put("tokens", tokens());
      found.measured.fill(object);
    }
    object.put("site", site());
    object.put("by", ablation().label());
    object.put("metric", found.ablation.metric());
    object.put("rows", found.ablation.rows());
    object.put("columns", found.ablation.columns());
    object.put("without", found.ablation.without());
    if (found.constants != null) {
      List<OptimalConstants.Loss> losses = found.constants.losses();
      object.put("kl_with_mean", losses.stream().map(OptimalConstants.Loss::mean).toList());
      object.put("kl_with_optimal", losses.stream().map(OptimalConstants.Loss::optimal).toList());
    }
  }

  @Override
  protected List<? extends View> views(Found found) {
    return List.of(Views.ablation(found.ablation, found.name));
  }
}
