package dev.vidrio.lens.fact;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.GradientOptions;
import dev.vidrio.lens.GradientSession;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.fact.Rewriter.Method;
import dev.vidrio.lens.fact.Rewriter.Optimization;
import dev.vidrio.lens.fact.Rewriter.Options;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.numeric.Adam;
import dev.vidrio.lens.vector.RowMean;
import dev.vidrio.lens.vector.Vectors;
import java.util.ArrayList;
import java.util.List;

/**
 * The change δ of a value that makes the target of a rewrite likely: for ROME, of the product of
 * the output matrix at the layer; for MEMIT, of the residual stream after it.
 *
 * <p>Immutable.
 */
public final class RewriteValue {
  /** The prompt that must keep its prediction. */
  private static final String ESSENCE = Fact.SUBJECT + " is a";

  private final float[] change;
  private final int steps;
  private final double before;
  private final double after;

  private RewriteValue(float[] change, int steps, double before, double after) {
    this.change = change;
    this.steps = steps;
    this.before = before;
    this.after = after;
  }

  /** Returns δ, [d]. */
  public float[] change() {
    return change.clone();
  }

  /** Returns the number of gradient steps. */
  public int steps() {
    return steps;
  }

  /** Returns the mean probability of the target over the prefixes without δ. */
  public double before() {
    return before;
  }

  /** Returns the mean probability of the target over the prefixes with δ. */
  public double after() {
    return after;
  }

  /**
   * A term of the loss.
   *
   * @param metric to be increased
   * @param factor of the metric
   */
  private record Term(Fact fact, DifferentiableMetric metric, double factor) {
    int position() {
      return fact.to() - 1;
    }
  }

  /**
   * Minimizes {@code −mean log P(target) + KL + ‖δ‖² / ‖v‖²} with the factors of the options, by
   * Adam.
   */
  static RewriteValue of(Lens lens, Rewrite rewrite, Options options) {
    boolean rome = options.method() == Method.ROME;
    Optimization how = options.optimization();
    FeedForwardPath path = FeedForwardPath.of(lens, options.layer());
    HookPoint point = rome ? path.output() : new HookPoint(HookSite.RESID_POST, options.layer());
    List<Fact> prompts = Rewriter.prompts(lens.model(), rewrite, options.prefixes());
    List<Term> terms = new ArrayList<>();
    for (Fact fact : prompts) {
      terms.add(new Term(fact, Metric.logProbability(fact.answer()), 1.0 / prompts.size()));
    }
    if (how.divergence() > 0) {
      Fact fact = Fact.of(lens.model(), rewrite.subject(), ESSENCE, rewrite.target());
      terms.add(new Term(fact, Metric.divergence(lens, fact.tokens()), -how.divergence()));
    }
    List<float[]> values = new ArrayList<>();
    for (Term term : terms) {
      values.add(rome ? product(lens, term, path) : row(lens, term, point));
    }
    var mean = new RowMean();
    values.subList(0, prompts.size()).forEach(mean::add);
    double norm = Vectors.norm(mean.mean());
    var change = new float[1][values.getFirst().length];
    double step = how.rate() * norm / Math.sqrt(change[0].length);
    var adam = new Adam(change);
    int length = terms.stream().mapToInt(term -> term.fact.length()).max().orElseThrow();
    GradientOptions session = GradientOptions.of(point.name(), length).withEditable(point.name());
    double before = Double.NaN;
    try (GradientSession gradients = GradientSession.open(lens, session)) {
      for (int i = 0; ; i++) {
        var gradient = new float[change[0].length];
        double likely = 0;
        boolean last = i == how.steps();
        for (int t = 0; t < (last ? prompts.size() : terms.size()); t++) {
          Term term = terms.get(t);
          float[] u = values.get(t).clone();
          Vectors.add(u, change[0]);
          float[] edited = rome ? path.forward(u) : u;
          gradients.edits(List.of(Intervention.set(point, edited).position(term.position())));
          double value = gradients.run(term.fact.tokens(), term.metric);
          likely += t < prompts.size() ? term.factor * value : 0;
          float[] own = gradients.gradient(point).row(term.position());
          Vectors.add(gradient, (float) -term.factor, rome ? path.backward(u, own) : own);
        }
        double probability = Math.exp(likely);
        before = i == 0 ? probability : before;
        if (last || probability >= how.enough()) {
          return new RewriteValue(change[0], i, before, probability);
        }
        double decay = norm == 0 ? 0 : 2 * how.decay() / (norm * norm);
        Vectors.add(gradient, (float) decay, change[0]);
        adam.step(i + 1, step, 0, change[0], gradient);
        double length2 = Vectors.norm(change[0]);
        if (length2 > how.clamp() * norm) {
          Vectors.scale(change[0], (float) (how.clamp() * norm / length2));
        }
      }
    }
  }

  private static float[] product(Lens lens, Term term, FeedForwardPath path) {
    return path.products(new float[][] {row(lens, term, path.keys())})[0];
  }

  private static float[] row(Lens lens, Term term, HookPoint point) {
    return lens.row(term.fact.tokens(), point, term.position());
  }
}
