package dev.vidrio.lens.intervene;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.GradientOptions;
import dev.vidrio.lens.GradientSession;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.vector.Vectors;
import java.util.ArrayList;
import java.util.List;

/**
 * Interchanges at one point: the activations of their texts, and the log-probabilities of their
 * answers with gradients with respect to the activation after its intervention.
 */
final class InterchangeGradients implements AutoCloseable {
  private final Lens lens;
  private final HookPoint point;
  private final List<Interchange> interchanges;
  private final List<float[]> bases = new ArrayList<>();
  private final List<float[]> sources = new ArrayList<>();
  private final List<float[]> differences = new ArrayList<>();
  private final GradientSession session;

  /**
   * Runs the texts.
   *
   * @param point the activation, with one row per token
   */
  InterchangeGradients(Lens lens, HookPoint point, List<Interchange> interchanges) {
    Preconditions.require(!interchanges.isEmpty(), "interchanges", "", "must be at least 1");
    Preconditions.requireRows(point);
    // After the last block, gradients exist for the last token only.
    boolean inBlock = point.site().inBlock() || point.site().isResidualStream();
    Preconditions.require(inBlock, "hook", point.name(), "must be in a block");
    this.lens = lens;
    this.point = point;
    this.interchanges = List.copyOf(interchanges);
    for (Interchange each : interchanges) {
      Preconditions.requireToken(lens.model(), each.answer);
      Preconditions.requireToken(lens.model(), each.original);
      float[] base = lens.row(each.base, point, each.basePosition);
      float[] source = source(each);
      bases.add(base);
      sources.add(source);
      differences.add(Vectors.minus(source, base));
    }
    int longest = interchanges.stream().mapToInt(each -> each.base.length).max().orElseThrow();
    String name = point.name();
    this.session = GradientSession.open(lens, GradientOptions.of(name, longest).withEditable(name));
  }

  /** Returns the number of interchanges. */
  int size() {
    return interchanges.size();
  }

  /** Returns d, the width of the activation. */
  int width() {
    return sources.getFirst().length;
  }

  /** Returns the activation of the base of an interchange, [d]. */
  float[] base(int i) {
    return bases.get(i);
  }

  /** Returns the activation of the source minus that of the base, [d]. */
  float[] difference(int i) {
    return differences.get(i);
  }

  /** Returns the activation of the source of an interchange, which may be one of others, [d]. */
  float[] source(Interchange each) {
    return lens.row(each.source, point, each.sourcePosition);
  }

  /**
   * Runs a base in which its activation along directions is that of its source.
   *
   * @param basis orthonormal rows, one after the other
   * @return the log-probability of the answer
   */
  double swap(int i, float[] basis) {
    return run(i, swap(interchanges.get(i), basis, sources.get(i)));
  }

  /**
   * Runs a base with another activation, [d].
   *
   * @return the log-probability of the answer
   */
  double set(int i, float[] values) {
    return run(
        i, List.of(Intervention.set(point, values).position(interchanges.get(i).basePosition)));
  }

  private double run(int i, List<Intervention> edits) {
    Interchange each = interchanges.get(i);
    session.edits(edits);
    return session.run(each.base, Metric.logProbability(each.answer));
  }

  /** Returns the gradient of the last run with respect to the changed activation, [d]. */
  float[] gradient(int i) {
    return session.gradient(point).row(interchanges.get(i).basePosition);
  }

  /** Returns the interventions of an interchange along directions; none if there are none. */
  List<Intervention> swap(Interchange each, float[] basis) {
    return swap(each, basis, source(each));
  }

  private List<Intervention> swap(Interchange each, float[] basis, float[] source) {
    return basis.length == 0
        ? List.of()
        : List.of(Intervention.swap(point, basis, source).position(each.basePosition));
  }

  /**
   * Returns the interchange intervention accuracy along directions: the fraction of interchanges
   * after which the answer has a larger logit than the original one.
   */
  double accuracy(List<Interchange> tested, float[] basis) {
    int right = 0;
    for (Interchange each : tested) {
      Metric difference = Metric.logitDifference(each.answer, each.original);
      right += difference.of(lens, each.base, swap(each, basis)) > 0 ? 1 : 0;
    }
    return right / (double) tested.size();
  }

  @Override
  public void close() {
    session.close();
  }
}
