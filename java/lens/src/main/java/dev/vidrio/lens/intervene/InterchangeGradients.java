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
import java.util.function.Function;

/**
 * Interchanges at one point: the activations of their texts, and their objectives with gradients
 * with respect to the activation after its intervention.
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
      float[] base = lens.row(each.base, point, each.basePosition);
      float[] source = source(each);
      bases.add(base);
      sources.add(source);
      differences.add(Vectors.minus(source, base));
    }
    int longest = interchanges.stream().mapToInt(each -> each.base.length).max().orElseThrow();
    int read = interchanges.stream().mapToInt(each -> each.objective.positions()).max().orElse(1);
    String name = point.name();
    var options = GradientOptions.of(name, longest).withEditable(name).withLogits(read);
    this.session = GradientSession.open(lens, options);
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
   * @return the objective
   */
  double swap(int i, float[] basis) {
    return run(i, swap(interchanges.get(i), basis, sources.get(i)));
  }

  /**
   * Runs a base with another activation, [d].
   *
   * @return the objective
   */
  double set(int i, float[] values) {
    return run(
        i, List.of(Intervention.set(point, values).position(interchanges.get(i).basePosition)));
  }

  private double run(int i, List<Intervention> edits) {
    Interchange each = interchanges.get(i);
    session.edits(edits);
    return session.run(each.base, each.objective);
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
   * Returns the interchange intervention accuracy along directions: the mean success of
   * interchanges.
   */
  double accuracy(List<Interchange> tested, float[] basis) {
    return mean(tested, basis, each -> each.success);
  }

  /** Returns the mean objective of interchanges along directions. */
  double objective(List<Interchange> tested, float[] basis) {
    return mean(tested, basis, each -> each.objective);
  }

  private double mean(
      List<Interchange> tested, float[] basis, Function<Interchange, Metric> metric) {
    double sum = 0;
    for (Interchange each : tested) {
      sum += metric.apply(each).of(lens, each.base, swap(each, basis));
    }
    return sum / tested.size();
  }

  @Override
  public void close() {
    session.close();
  }
}
