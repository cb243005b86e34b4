package dev.vidrio.cli.lens.attribute;

import dev.vidrio.cli.io.Heat;
import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.Terminal;
import dev.vidrio.cli.io.TextBar;
import dev.vidrio.cli.lens.option.DataOption;
import dev.vidrio.cli.lens.option.FastGradientsOption;
import dev.vidrio.cli.lens.option.Measured;
import dev.vidrio.cli.lens.option.MetricOption;
import dev.vidrio.cli.lens.option.PositionOption;
import dev.vidrio.cli.lens.option.TargetOption;
import dev.vidrio.cli.lens.option.TextCommand;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.cli.option.OptionValues;
import dev.vidrio.kernel.pass.GradientRules;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.MetricKind;
import dev.vidrio.lens.MetricSpec;
import dev.vidrio.lens.attribute.GradientAttribution;
import dev.vidrio.lens.attribute.InputAttribution;
import dev.vidrio.lens.attribute.IntegratedGradients;
import dev.vidrio.lens.attribute.SmoothGrad;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.lens.page.Bars;
import dev.vidrio.lens.page.TokenValues;
import dev.vidrio.lens.page.View;
import dev.vidrio.model.Model;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens attribute}. */
@Command(
    name = "attribute",
    description = {
      "Attributes the logit of the next token, or another --metric, to the tokens of the text.",
      "gradient: norm of the gradient. grad_x_input: gradient times embedding. ig: integrated"
          + " gradients. smoothgrad: mean gradient under noise, times embedding. attn_lrp, cp_lrp:"
          + " layer-wise relevance propagation, patented for uses other than research."
    })
public final class AttributeCommand extends TextCommand<AttributeCommand.Found> {
  private static final int TOKEN = 16;

  /** The attribution methods. */
  private enum Method {
    GRADIENT,
    GRAD_X_INPUT,
    IG,
    SMOOTHGRAD,
    ATTN_LRP,
    CP_LRP
  }

  @Mixin private PositionOption position = new PositionOption();
  @Mixin private TargetOption target = new TargetOption();
  @Mixin private MetricOption metric = new MetricOption();
  @Mixin private DataOption data = new DataOption();
  @Mixin private FastGradientsOption gradients = new FastGradientsOption();

  @Option(
      names = "--method",
      paramLabel = "METHOD",
      defaultValue = "grad_x_input",
      description = "Method: ${COMPLETION-CANDIDATES}.")
  private Method method = Method.GRAD_X_INPUT;

  @Option(
      names = "--steps",
      paramLabel = "N",
      description = "Number of gradients that ig and smoothgrad average.")
  private int steps = 32;

  @Option(
      names = "--baseline",
      paramLabel = "TEXT",
      description = "Baseline of ig: a token, or #N. Default: zero embeddings.")
  private @Nullable String baseline;

  @Option(
      names = "--noise",
      paramLabel = "SHARE",
      description = "Standard deviation of smoothgrad's noise, relative to that of the embeddings.")
  private double noise = 0.1;

  @Option(names = "--seed", paramLabel = "N", description = "Seed of the noise.")
  private long seed;

  /**
   * The scores of the tokens: of a text, or means over several texts.
   *
   * @param title what is attributed
   * @param measured the text; null for several
   * @param mean of the metric
   * @param scores of each position
   * @param attribution the scores, or their means
   */
  record Found(
      String title,
      @Nullable Measured measured,
      Estimate mean,
      List<Estimate> scores,
      InputAttribution attribution) {}

  @Override
  protected void check() {
    super.check();
    data.check(command());
    if (metric.isGiven()) {
      MetricSpec spec = metric.or(MetricKind.LOGIT);
      boolean atText = method != Method.IG && method != Method.SMOOTHGRAD;
      OptionValues.of(
          () -> {
            if (atText) {
              spec.requireCleanGradient("--method " + name());
            }
            spec.requireDifferentiable("--method " + name());
            return spec;
          });
    }
  }

  @Override
  protected Found run(Model opened) {
    if (!data.isGiven()) {
      return super.run(opened);
    }
    Lens lens = gradients.of(Lens.of(opened));
    MetricSpec spec = metric.or(MetricKind.LOGIT_DIFF);
    List<InputAttribution> all =
        data.each(
            lens,
            spec,
            text -> Arrays.copyOf(text, position.of(text) + 1),
            measured -> attribute(lens, measured.text(), measured.differentiable(name())));
    List<Estimate> scores =
        DataOption.means(all.stream().map(InputAttribution::scores).toList(), "attribute");
    Estimate mean = Estimate.of(all.stream().mapToDouble(InputAttribution::value).toArray());
    double explained =
        all.stream().mapToDouble(InputAttribution::explained).average().orElseThrow();
    return new Found(
        spec.kind().label() + ", mean of " + all.size() + " texts: " + mean,
        null,
        mean,
        scores,
        new InputAttribution(mean.mean(), explained, DataOption.values(scores)));
  }

  @Override
  protected Found run(Lens lens, int[] text) {
    int at = position.of(text);
    int[] tokens = cut(at + 1);
    Measured measured = target.of(lens, tokens, metric, MetricKind.LOGIT);
    InputAttribution attribution =
        attribute(gradients.of(lens), use(measured.text()), measured.differentiable(name()));
    return new Found(
        String.format("%s after position %d: %.3f", measured.name(), at, attribution.value()),
        measured,
        new Estimate(attribution.value(), Double.NaN, 1),
        attribution.scores().stream().map(score -> new Estimate(score, Double.NaN, 1)).toList(),
        attribution);
  }

  private InputAttribution attribute(Lens lens, int[] tokens, DifferentiableMetric metric) {
    return switch (method) {
      case GRADIENT -> GradientAttribution.norm(lens, tokens, metric);
      case GRAD_X_INPUT -> GradientAttribution.timesInput(lens, tokens, metric);
      case IG ->
          baseline == null
              ? IntegratedGradients.of(lens, tokens, metric, steps)
              : IntegratedGradients.of(
                  lens,
                  tokens,
                  metric,
                  steps,
                  InputAttribution.embedding(
                      lens, TokenText.parse(lens.model(), "baseline", baseline)));
      case SMOOTHGRAD -> SmoothGrad.of(lens, tokens, metric, steps, noise, seed);
      case ATTN_LRP -> GradientAttribution.relevance(lens, tokens, metric, GradientRules.ATTN_LRP);
      case CP_LRP -> GradientAttribution.relevance(lens, tokens, metric, GradientRules.CP_LRP);
    };
  }

  private String sum(InputAttribution attribution) {
    String sum = String.format("%s, sum %.3f", name(), attribution.sum());
    return Double.isNaN(attribution.explained())
        ? sum
        : sum + String.format(" of %.3f", attribution.explained());
  }

  private String name() {
    return method.name().toLowerCase(Locale.ROOT);
  }

  @Override
  protected void print(Found found) {
    List<Double> scores = found.attribution.scores();
    System.out.println(found.title + "; " + sum(found.attribution));
    boolean several = found.measured == null;
    System.out.println(" pos token                score" + (several ? "     ±95 %" : ""));
    double greatest = scores.stream().mapToDouble(Math::abs).max().orElse(0);
    for (int i = 0; i < scores.size(); i++) {
      double share = scores.get(i) / Math.max(greatest, Double.MIN_NORMAL);
      String text = several ? " ".repeat(TOKEN) : TokenText.column(model(), tokens()[i], TOKEN);
      System.out.printf(
          "%4d %s %+9.3f%s  %s%n",
          i,
          Terminal.OUT.isTerminal() ? Heat.signed(text, share) : text,
          scores.get(i),
          several ? " %9.3f".formatted(found.scores.get(i).halfWidth()) : "",
          TextBar.of(share, 1));
    }
    Hint.print("'vidrio lens occlusion' measures the effect of removing each token.");
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    object.put("method", name());
    Measured measured = found.measured;
    if (measured == null) {
      object.put("metric_kind", metric.or(MetricKind.LOGIT_DIFF).kind().key());
      object.put("value_half_width", Json.finite(found.mean.halfWidth()));
      DataOption.fill(object, found.mean.count(), found.scores);
    } else {
      object.put("tokens", tokens());
      measured.fill(object);
    }
    object.with("value", found.attribution.value()).with("sum", found.attribution.sum());
    if (!Double.isNaN(found.attribution.explained())) {
      object.put("explained", found.attribution.explained());
    }
    object.put("scores", found.attribution.scores());
  }

  @Override
  protected List<? extends View> views(Found found) {
    String note = found.title + ", " + sum(found.attribution) + ".";
    if (found.measured == null) {
      return List.of(Bars.byPosition("Attribution", note, found.attribution.scores()));
    }
    return List.of(
        TokenValues.of(
            model(),
            "Attribution to tokens",
            note,
            Arrays.stream(tokens()).boxed().toList(),
            found.attribution.scores()));
  }
}
