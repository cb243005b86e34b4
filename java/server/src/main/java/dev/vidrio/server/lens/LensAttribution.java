package dev.vidrio.server.lens;

import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.attribute.GradientAttribution;
import dev.vidrio.lens.attribute.Occlusion;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonValue;
import dev.vidrio.server.model.ServedModel;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A request of {@code /v1/lens/attribution}: the attribution of a token's logit to the tokens
 * before it.
 *
 * @param text the input
 * @param position the position of the attributed token; null for the last
 * @param method {@code grad_x_input}, {@code gradient} or {@code occlusion}
 */
record LensAttribution(LensInput text, @Nullable JsonValue position, String method)
    implements LensRequest {
  private static final String OCCLUSION = "occlusion";

  /** The attributed logit and the score of each token. */
  private record Scores(double value, List<Double> scores) {}

  static LensAttribution read(JsonFields fields) {
    return new LensAttribution(
        LensInput.read(fields),
        fields.value("position"),
        fields.oneOf("method", "grad_x_input", "grad_x_input", "gradient", OCCLUSION));
  }

  @Override
  public Supplier<Answer> prepare(ServedModel model) {
    int[] tokens = text.tokens(model);
    if (tokens.length < 2) {
      throw ApiException.invalid(text.path(), "must have at least 2 tokens");
    }
    int at = position == null ? tokens.length - 1 : LensInput.positionOf(position, 1, tokens);
    int[] before = Arrays.copyOf(tokens, at);
    if (method.equals(OCCLUSION)) {
      LensPatch.requireRuns(text.path(), at + 1, at);
    }
    return () -> answer(model, before, tokens[at]);
  }

  private Answer answer(ServedModel model, int[] before, int target) {
    Scores scores = scores(Lens.of(model.model()), before, Metric.logit(target));
    return Answer.json(
        LensInput.head(model, before)
            .with("target", target)
            .with("target_piece", model.tokenizer().piece(target))
            .with("method", method)
            .with("logit", scores.value())
            .with("scores", scores.scores()));
  }

  private Scores scores(Lens lens, int[] tokens, DifferentiableMetric metric) {
    if (method.equals(OCCLUSION)) {
      Occlusion occlusion = Occlusion.of(lens, tokens, Occlusion.By.HIDE, metric);
      return new Scores(
          occlusion.metric(),
          IntStream.range(0, tokens.length).mapToObj(occlusion::effect).toList());
    }
    var attribution =
        method.equals("gradient")
            ? GradientAttribution.norm(lens, tokens, metric)
            : GradientAttribution.timesInput(lens, tokens, metric);
    return new Scores(attribution.value(), attribution.scores());
  }
}
