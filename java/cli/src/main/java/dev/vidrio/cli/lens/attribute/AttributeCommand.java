package dev.vidrio.cli.lens.attribute;

import dev.vidrio.cli.io.Heat;
import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.Terminal;
import dev.vidrio.cli.io.TextBar;
import dev.vidrio.cli.lens.option.FastGradientsOption;
import dev.vidrio.cli.lens.option.PositionOption;
import dev.vidrio.cli.lens.option.TargetOption;
import dev.vidrio.cli.lens.option.TargetOption.Target;
import dev.vidrio.cli.lens.option.TextCommand;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.kernel.pass.GradientRules;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.attribute.GradientAttribution;
import dev.vidrio.lens.attribute.InputAttribution;
import dev.vidrio.lens.attribute.IntegratedGradients;
import dev.vidrio.lens.attribute.SmoothGrad;
import dev.vidrio.lens.page.TokenValues;
import dev.vidrio.lens.page.View;
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
      "Attributes the logit of the next token to the tokens of the text.",
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
   * The scores of the tokens.
   *
   * @param at the position after which the token is attributed
   */
  record Found(Target target, int at, InputAttribution attribution) {
    String title() {
      return String.format(
          "%s after position %d: %.3f", target.logitName(), at, attribution.value());
    }
  }

  @Override
  protected Found run(Lens lens, int[] text) {
    int at = position.of(text);
    int[] tokens = cut(at + 1);
    Target explained = target.of(lens.model(), tokens);
    return new Found(explained, at, attribute(gradients.of(lens), tokens, explained.logit()));
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
    System.out.println(found.title() + "; " + sum(found.attribution));
    System.out.println(" pos token                score");
    double greatest = scores.stream().mapToDouble(Math::abs).max().orElse(0);
    for (int i = 0; i < scores.size(); i++) {
      double share = scores.get(i) / Math.max(greatest, Double.MIN_NORMAL);
      String text = TokenText.column(model(), tokens()[i], TOKEN);
      System.out.printf(
          "%4d %s %+9.3f  %s%n",
          i,
          Terminal.OUT.isTerminal() ? Heat.signed(text, share) : text,
          scores.get(i),
          TextBar.of(share, 1));
    }
    Hint.print("'vidrio lens occlusion' measures the effect of removing each token.");
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    object.with("method", name()).with("tokens", tokens());
    found.target.fill(object);
    object.with("value", found.attribution.value()).with("sum", found.attribution.sum());
    if (!Double.isNaN(found.attribution.explained())) {
      object.put("explained", found.attribution.explained());
    }
    object.put("scores", found.attribution.scores());
  }

  @Override
  protected List<? extends View> views(Found found) {
    return List.of(
        TokenValues.of(
            model(),
            "Attribution to tokens",
            found.title() + ", " + sum(found.attribution) + ".",
            Arrays.stream(tokens()).boxed().toList(),
            found.attribution.scores()));
  }
}
