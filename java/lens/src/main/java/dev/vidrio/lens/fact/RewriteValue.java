package dev.vidrio.lens.fact;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.GradientOptions;
import dev.vidrio.lens.GradientSession;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.fact.Rewriter.Method;
import dev.vidrio.lens.fact.Rewriter.Options;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.numeric.Adam;
import dev.vidrio.lens.vector.RowMean;
import dev.vidrio.lens.vector.Vectors;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The change δ of a value that makes the target of a rewrite likely: for ROME, of the product of
 * the output matrix at the layer; for MEMIT, of the residual stream after it.
 *
 * @param change δ, [d]
 * @param steps number of gradient steps
 * @param before the mean probability of the target over the prefixes without δ
 * @param after with δ
 */
public record RewriteValue(float[] change, int steps, double before, double after) {
  /** The prompt whose prediction shall not change. */
  private static final String ESSENCE = Fact.SUBJECT + " is a";

  /**
   * A prompt of the optimization.
   *
   * @param metric to be increased
   * @param factor its factor in the loss
   * @param value at the last token of the subject, before the change
   */
  private record Term(
      int[] tokens, int position, DifferentiableMetric metric, double factor, float[] value) {}

  /**
   * Minimizes {@code −mean log P(target) + KL + ‖δ‖² / ‖v‖²} with the factors of the options, by
   * Adam.
   */
  static RewriteValue of(Lens lens, Rewrite rewrite, Options options) {
    boolean rome = options.method() == Method.ROME;
    FeedForwardPath path = FeedForwardPath.of(lens, options.layer());
    HookPoint point = rome ? path.output() : new HookPoint(HookSite.RESID_POST, options.layer());
    List<Fact> prompts = Rewriter.prompts(lens.model(), rewrite, options.prefixes());
    List<Term> terms = new ArrayList<>();
    for (Fact fact : prompts) {
      terms.add(
          term(
              lens,
              fact,
              Metric.logProbability(fact.answer()),
              1.0 / prompts.size(),
              rome ? path : null,
              point));
    }
    if (options.divergence() > 0) {
      Fact fact = Fact.of(lens.model(), rewrite.subject(), ESSENCE, rewrite.target());
      terms.add(
          term(
              lens,
              fact,
              Metric.divergence(lens, fact.tokens()),
              -options.divergence(),
              rome ? path : null,
              point));
    }
    var mean = new RowMean();
    terms.subList(0, prompts.size()).forEach(term -> mean.add(term.value));
    double norm = Vectors.norm(mean.mean());
    var change = new float[1][terms.getFirst().value.length];
    double step = options.rate() * norm / Math.sqrt(change[0].length);
    var adam = new Adam(change);
    int length = terms.stream().mapToInt(term -> term.tokens.length).max().orElseThrow();
    GradientOptions session = GradientOptions.of(point.name(), length).withEditable(point.name());
    double before = Double.NaN;
    try (GradientSession gradients = GradientSession.open(lens, session)) {
      for (int i = 0; ; i++) {
        var gradient = new float[change[0].length];
        double likely = 0;
        boolean last = i == options.steps();
        for (int t = 0; t < (last ? prompts.size() : terms.size()); t++) {
          Term term = terms.get(t);
          float[] u = term.value.clone();
          Vectors.add(u, change[0]);
          float[] edited = rome ? path.forward(u) : u;
          gradients.edits(List.of(Intervention.set(point, edited).position(term.position)));
          double value = gradients.run(term.tokens, term.metric);
          likely += t < prompts.size() ? term.factor * value : 0;
          float[] own = gradients.gradient(point).row(term.position);
          Vectors.add(gradient, (float) -term.factor, rome ? path.backward(u, own) : own);
        }
        double probability = Math.exp(likely);
        before = i == 0 ? probability : before;
        if (last || probability >= options.enough()) {
          return new RewriteValue(change[0], i, before, probability);
        }
        double decay = norm == 0 ? 0 : 2 * options.decay() / (norm * norm);
        Vectors.add(gradient, (float) decay, change[0]);
        adam.step(i + 1, step, 0, change[0], gradient);
        double length2 = Vectors.norm(change[0]);
        if (length2 > options.clamp() * norm) {
          Vectors.scale(change[0], (float) (options.clamp() * norm / length2));
        }
      }
    }
  }

  private static Term term(
      Lens lens,
      Fact fact,
      DifferentiableMetric metric,
      double factor,
      @Nullable FeedForwardPath path,
      HookPoint point) {
    int position = fact.to() - 1;
    HookPoint read = path == null ? point : path.keys();
    Capture capture = Capture.of(read.name()).positions(position, position + 1);
    try (ActivationCache cache = lens.run(fact.tokens(), capture)) {
      float[] row = cache.get(read).row(0);
      float[] value = path == null ? row : path.products(new float[][] {row})[0];
      return new Term(fact.tokens(), position, metric, factor, value);
    }
  }
}
