package dev.vidrio.lens.hook;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.Sequence;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * An intervention in a forward pass, {@code do(f^c = h̃)} in the primer's notation (section 3.2):
 * everything after the point computes with the changed activation, and a cache shows it.
 *
 * {@snippet file="LensExamplesTest.java" region="edit"}
 *
 * <p>An edit of {@code hook_resid_pre} changes what the block reads, not what {@code
 * hook_resid_post} of the block before it shows. Edits of scores and patterns have a row [H, n_kv]
 * for each token, n_kv the context. Whatever they set, a token never attends ahead, nor, by its
 * scores, outside its window. Edits of {@code hook_scale} change what the norm divides by.
 *
 * <p>An edit knows no model. Whether the model has the point, and whether columns and values fit
 * it, is checked when the edit is given to a run or session: {@link
 * dev.vidrio.lens.LensSession#check} says which errors that makes.
 *
 * @param point where in the model
 * @param sequence which of a session's sequences, or null for all
 * @param from the first position
 * @param to after the last position; {@link Integer#MAX_VALUE} for all from there on
 * @param columns which elements of a row
 * @param change what it does
 */
public record Edit(
    HookPoint point,
    @Nullable Sequence sequence,
    int from,
    int to,
    Columns columns,
    Change change) {

  /** Which elements of an activation's rows change. */
  public sealed interface Columns {
    /** All of them. */
    record All() implements Columns {}

    /** Those of a head, where rows are [H, d_h] or [H_kv, d_h], or [H, n_kv] of attention. */
    record Head(int head) implements Columns {}

    /**
     * Those of positions that are attended to, in scores and patterns.
     *
     * @param head null for all heads
     * @param from the first position
     * @param to after the last one
     */
    record Keys(@Nullable Integer head, int from, int to) implements Columns {}

    /** Elements [begin, end): neurons of a feed-forward block, dimensions of the stream. */
    record Range(int begin, int end) implements Columns {}
  }

  /**
   * Checks the positions.
   *
   * @throws InvalidInputException when they are no range, or begin before 0
   */
  public Edit {
    if (from < 0 || to <= from) {
      throw new InvalidInputException(
          "edit of " + point, "positions " + from + ":" + to, "must be a range, from 0 on");
    }
  }

  private Edit(HookPoint point, Change change) {
    this(point, null, 0, Integer.MAX_VALUE, new Columns.All(), change);
  }

  /** Zero ablation. */
  public static Edit zero(HookPoint point) {
    return new Edit(point, new Change.Zero());
  }

  /**
   * Sets one row, of as many elements as there are columns, at all positions; or as many rows as
   * {@linkplain #positions positions are chosen}.
   */
  public static Edit set(HookPoint point, float... values) {
    return new Edit(point, new Change.Set(copy(values)));
  }

  /**
   * Activation patching: at all positions that a cache holds, or those of them that are chosen, the
   * point has the values of the other run. The cache has to stay open until the edit has run, and
   * the text to be as long as the positions that are chosen.
   *
   * @throws InvalidInputException when the point is not in the cache
   * @throws IllegalStateException when the cache is closed
   */
  public static Edit patch(ActivationCache source, HookPoint point) {
    var patch = new Change.Patch(source.get(point), source.from());
    return new Edit(point, patch).positions(source.from(), source.from() + source.rows());
  }

  /**
   * Steering (Turner et al. 2023, arXiv 2308.10248): adds strength times a vector.
   *
   * @param values as {@link #set} takes them
   * @throws InvalidInputException when the strength is not finite
   */
  public static Edit add(HookPoint point, float strength, float... values) {
    return new Edit(point, new Change.Add(strength, copy(values)));
  }

  /**
   * Multiplies with a factor.
   *
   * @throws InvalidInputException when it is not finite
   */
  public static Edit scale(HookPoint point, float factor) {
    return new Edit(point, new Change.Scale(factor));
  }

  /**
   * Cuts off what is below {@code least} and above {@code most}; an infinite one is no bound.
   *
   * @throws InvalidInputException when the least is above the most, or one is not a number
   */
  public static Edit clamp(HookPoint point, float least, float most) {
    return new Edit(point, new Change.Clamp(least, most));
  }

  /**
   * Removes what lies along a direction, of any length (directional ablation).
   *
   * @param direction of as many elements as there are columns
   * @throws InvalidInputException when its length is 0 or not finite
   */
  public static Edit projectOut(HookPoint point, float... direction) {
    double length = Vectors.norm(direction);
    if (!(length > 0) || Double.isInfinite(length)) {
      throw new InvalidInputException(
          "edit of " + point, "direction of length " + length, "must have a direction");
    }
    var unit = new float[direction.length];
    for (int i = 0; i < unit.length; i++) {
      unit[i] = (float) (direction[i] / length);
    }
    return new Edit(point, new Change.Subspace(copy(unit), null));
  }

  /**
   * Interchange in a subspace (Geiger et al. 2023, arXiv 2303.02536): what the basis spans becomes
   * that of the values, what is orthogonal to it stays.
   *
   * @param basis orthonormal rows, one after the other; checked when the edit is given to a run
   * @param values one row for all positions, or one for each
   */
  public static Edit swap(HookPoint point, float[] basis, float... values) {
    return new Edit(point, new Change.Subspace(copy(basis), copy(values)));
  }

  /**
   * Attention knockout (Geva et al. 2023, arXiv 2304.14767): no token of the edit's positions looks
   * at tokens [from, to), and the others share what they had. Where it leaves a token nothing to
   * look at, its pattern is not a number: {@link #zero} of the pattern takes a head out.
   *
   * @param from the first token; where it is below 0 or not below {@code to}, the edit is refused
   *     when it is given to a run
   * @param to after the last token
   * @throws InvalidInputException when the layer is below 0
   */
  public static Edit knockOut(int layer, int from, int to) {
    var values = new float[Math.max(1, to - from)];
    Arrays.fill(values, Float.NEGATIVE_INFINITY);
    return set(new HookPoint(HookSite.ATTN_SCORES, layer), values).keys(from, to);
  }

  private static MemorySegment copy(float[] values) {
    return MemorySegment.ofArray(values.clone());
  }

  /**
   * The same at positions [newFrom, newTo) only.
   *
   * @throws InvalidInputException when they are no range, or begin before 0
   */
  public Edit positions(int newFrom, int newTo) {
    return new Edit(point, sequence, newFrom, newTo, columns, change);
  }

  /**
   * The same at one position only.
   *
   * @throws InvalidInputException when it is below 0
   */
  public Edit position(int position) {
    return positions(position, position + 1);
  }

  /** The same for one head only. */
  public Edit head(int head) {
    return with(
        columns instanceof Columns.Keys keys
            ? new Columns.Keys(head, keys.from, keys.to)
            : new Columns.Head(head));
  }

  /**
   * The same for attention to positions [newFrom, newTo) only, from the positions of the edit; for
   * its head, or for all.
   */
  public Edit keys(int newFrom, int newTo) {
    return with(
        new Columns.Keys(columns instanceof Columns.Head(int h) ? h : null, newFrom, newTo));
  }

  /** The same for one neuron only. */
  public Edit neuron(int neuron) {
    return with(new Columns.Range(neuron, neuron + 1));
  }

  /** The same for these elements of a row only. */
  public Edit with(Columns newColumns) {
    return new Edit(point, sequence, from, to, newColumns, change);
  }

  /** The same in one sequence only. */
  public Edit in(Sequence one) {
    return new Edit(point, one, from, to, columns, change);
  }
}
