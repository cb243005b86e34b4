package dev.vidrio.cli.lens.attribute;

import dev.vidrio.cli.io.Heat;
import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.Terminal;
import dev.vidrio.cli.lens.option.FastGradientsOption;
import dev.vidrio.cli.lens.option.PageOption;
import dev.vidrio.cli.lens.option.PositionOption;
import dev.vidrio.cli.lens.option.TargetOption;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.kernel.pass.GradientRules;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.attribute.GradientAttribution;
import dev.vidrio.lens.attribute.InputAttribution;
import dev.vidrio.lens.attribute.IntegratedGradients;
import dev.vidrio.lens.attribute.SmoothGrad;
import dev.vidrio.lens.page.TokenValues;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens attribute}. */
@Command(
    name = "attribute",
    description = {
      "Attributes the logit of the next token to the tokens of the text.",
      "gradient: norm of the gradient. grad_x_input: gradient times embedding."
          + " ig: integrated gradients. smoothgrad: mean gradient under noise, times"
          + " embedding. attn_lrp, cp_lrp: layer-wise relevance propagation, patented for"
          + " uses other than research."
    })
public final class AttributeCommand implements Callable<Integer> {
  private static final int TOKEN = 16;
  private static final int BAR = 24;

  /** The attribution methods. */
  private enum Method {
    GRADIENT,
    GRAD_X_INPUT,
    IG,
    SMOOTHGRAD,
    ATTN_LRP,
    CP_LRP
  }

  @Mixin private ModelOption model = new ModelOption();
  @Mixin private TextInput input = new TextInput();
  @Mixin private PositionOption position = new PositionOption();
  @Mixin private TargetOption target = new TargetOption();
  @Mixin private FastGradientsOption gradients = new FastGradientsOption();
  @Mixin private PageOption page = new PageOption();

  @Option(
      names = "--method",
      paramLabel = "METHOD",
      defaultValue = "grad_x_input",
      description = "Method: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
  private Method method = Method.GRAD_X_INPUT;

  @Option(
      names = "--steps",
      paramLabel = "N",
      description =
          "Number of gradients that ig and smoothgrad average. Default:" + " ${DEFAULT-VALUE}.")
  private int steps = 32;

  @Option(
      names = "--baseline",
      paramLabel = "TEXT",
      description = "Baseline of ig: a token, or #N. Default: zero embeddings.")
  private @Nullable String baseline;

  @Option(
      names = "--noise",
      paramLabel = "SHARE",
      description =
          "Standard deviation of smoothgrad's noise, relative to that of the"
              + " embeddings. Default: ${DEFAULT-VALUE}.")
  private double noise = 0.1;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Seed of the noise. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    page.check();
    try (Model opened = model.open()) {
      int[] ids = input.requiredIds(opened);
      int at = position.of(ids);
      int[] tokens = Arrays.copyOf(ids, at + 1);
      int token = target.token(opened, tokens);
      int versus = target.versus(opened);
      DifferentiableMetric metric =
          versus < 0 ? Metric.logit(token) : Metric.logitDifference(token, versus);
      InputAttribution attribution = attribute(gradients.lens(opened), tokens, metric);
      String title =
          String.format(
              "logit of %s%s after position %d: %.3f",
              TokenText.of(opened, token),
              versus < 0 ? "" : " minus that of " + TokenText.of(opened, versus),
              at,
              attribution.value());
      if (page.isWanted()) {
        var view =
            TokenValues.of(
                opened,
                "Attribution to tokens",
                title + ", " + sum(attribution) + ".",
                Arrays.stream(tokens).boxed().toList(),
                attribution.scores());
        page.write(opened, "vidrio lens attribute", tokens, List.of(view));
      } else if (json) {
        Json.print(contents(opened, tokens, token, versus, attribution));
      } else {
        print(opened, tokens, title, attribution);
      }
    }
    return 0;
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
    String sum =
        String.format("%s, sum %.3f", method.name().toLowerCase(Locale.ROOT), attribution.sum());
    return Double.isNaN(attribution.explained())
        ? sum
        : sum + String.format(" of %.3f", attribution.explained());
  }

  private void print(Model opened, int[] tokens, String title, InputAttribution attribution) {
    System.out.println(title + "; " + sum(attribution));
    System.out.println(" pos token                score");
    double greatest = attribution.scores().stream().mapToDouble(Math::abs).max().orElse(0);
    for (int i = 0; i < tokens.length; i++) {
      double score = attribution.scores().get(i);
      double share = score / Math.max(greatest, Double.MIN_NORMAL);
      String text = TokenText.column(opened, tokens[i], TOKEN);
      System.out.printf(
          "%4d %s %+9.3f  %s%n",
          i,
          Terminal.OUT.isTerminal() ? Heat.signed(text, share) : text,
          score,
          (share < 0 ? "-" : "+").repeat((int) Math.round(BAR * Math.abs(share))));
    }
    Hint.print("'vidrio lens occlusion' measures the effect of removing each token.");
  }

  private Map<String, Object> contents(
      Model opened, int[] tokens, int token, int versus, InputAttribution attribution) {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", opened.name());
    result.put("method", method.name().toLowerCase(Locale.ROOT));
    result.put("tokens", tokens);
    result.put("token", token);
    if (versus >= 0) {
      result.put("versus", versus);
    }
    result.put("value", attribution.value());
    result.put("sum", attribution.sum());
    if (!Double.isNaN(attribution.explained())) {
      result.put("explained", attribution.explained());
    }
    result.put("scores", attribution.scores());
    return result;
  }
}
