package dev.vidrio.lens.hook;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.EditKind;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.session.Sequence;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * An intervention in a forward pass, {@code do(f^c = h̃)} in the primer's notation (arXiv
 * 2405.00208, section 3.2): all operations after the hook point compute with the changed
 * activation, and a cache contains it.
 *
 * {@snippet file="LensExamplesTest.java" region="edit"}
 *
 * <p>An intervention at {@code hook_resid_pre} changes the input of the block, but not {@code
 * hook_resid_post} of the previous block. Scores and patterns have a row [H, n_kv] per token, where
 * n_kv is the context length. Whatever they are set to, a token never attends to later positions,
 * nor, by its scores, outside its sliding window. Interventions at {@code hook_scale} change the
 * divisor of the norm.
 *
 * <p>An intervention is independent of a model. A run or session checks whether the model has the
 * point and whether columns and values fit it; {@link dev.vidrio.lens.LensSession#check} lists the
 * errors. Immutable, but its values are not copied again when it is used.
 *
 * @param point the hook point
 * @param sequence the sequence of a session, or null for all
 * @param from the first position
 * @param to the position after the last one; {@link Integer#MAX_VALUE} for no limit
 * @param columns the elements of a row
 * @param kind the change
 * @see InterventionKind
 * @see "docs/lens/edits.md"
 */
public record Intervention(
    HookPoint point,
    @Nullable Sequence sequence,
    int from,
    int to,
    Columns columns,
    InterventionKind kind) {

  /** Selects elements of an activation's rows. */
  public sealed interface Columns {
    /** Selects all elements. */
    record All() implements Columns {}

    /** Selects a head of rows [H, d_h], [H_kv, d_h] or [H, n_kv]. */
    record Head(int head) implements Columns {}

    /**
     * Selects attended positions in scores and patterns.
     *
     * @param head null for all heads
     * @param from the first position
     * @param to the position after the last one
     */
    record Keys(@Nullable Integer head, int from, int to) implements Columns {}

    /**
     * Selects elements [begin, end): neurons of a feed-forward block, or dimensions of the residual
     * stream.
     */
    record Range(int begin, int end) implements Columns {}
  }

  /**
   * Checks the positions.
   *
   * @throws InvalidInputException if they are not a range, or begin before 0
   */
  public Intervention {
    if (from < 0 || to <= from) {
      throw new InvalidInputException(
          "edit of " + point, "positions " + from + ":" + to, "must be a range from 0");
    }
  }

  private Intervention(HookPoint point, EditKind edit) {
    this(point, new InterventionKind.Edit(edit));
  }

  private Intervention(HookPoint point, InterventionKind kind) {
    this(point, null, 0, Integer.MAX_VALUE, new Columns.All(), kind);
  }

  /** Zero ablation. */
  public static Intervention zero(HookPoint point) {
    return new Intervention(point, new InterventionKind.Zero());
  }

  /**
   * Sets the values of one row at all positions, or one row per position of {@link #positions}.
   *
   * @param values as many as there are columns, per row
   */
  public static Intervention set(HookPoint point, float... values) {
    return new Intervention(point, new EditKind.Set(copy(values)));
  }

  /**
   * Activation patching: at the positions of a cache, or a part of them, the point takes the values
   * of the cached run. The cache must stay open until the run is done, and the text must include
   * the positions.
   *
   * @throws InvalidInputException if the point is not in the cache
   * @throws IllegalStateException if the cache is closed
   */
  public static Intervention patch(ActivationCache source, HookPoint point) {
    return patch(source.get(point), source.from(), source.rows());
  }

  /**
   * Sets an activation to that of another run, at {@code rows} positions from {@code from}, which
   * is that of row 0 of {@code values}.
   */
  public static Intervention patch(Activation values, int from, int rows) {
    return new Intervention(values.point(), new InterventionKind.Patch(values, from))
        .positions(from, from + rows);
  }

  /**
   * Steering (Turner et al. 2023, arXiv 2308.10248): adds strength times a vector.
   *
   * @param values as in {@link #set}
   * @throws InvalidInputException if the strength is not finite
   */
  public static Intervention add(HookPoint point, float strength, float... values) {
    return new Intervention(point, new EditKind.Add(strength, copy(values)));
  }

  /**
   * Multiplies by a factor.
   *
   * @throws InvalidInputException if the factor is not finite
   */
  public static Intervention scale(HookPoint point, float factor) {
    return new Intervention(point, new EditKind.Scale(factor));
  }

  /**
   * Clamps values to [least, most]; an infinite bound has no effect.
   *
   * @throws InvalidInputException if {@code least} exceeds {@code most}, or one is NaN
   */
  public static Intervention clamp(HookPoint point, float least, float most) {
    return new Intervention(point, new EditKind.Clamp(least, most));
  }

  /**
   * Directional ablation: projects out a direction of any length.
   *
   * @param direction as many elements as there are columns
   * @throws InvalidInputException if its length is 0 or not finite
   */
  public static Intervention projectOut(HookPoint point, float... direction) {
    double length = Vectors.norm(direction);
    if (!(length > 0) || Double.isInfinite(length)) {
      throw new InvalidInputException(
          "edit of " + point, "direction of length " + length, "must be positive and finite");
    }
    var unit = new float[direction.length];
    for (int i = 0; i < unit.length; i++) {
      unit[i] = (float) (direction[i] / length);
    }
    return new Intervention(point, new EditKind.Subspace(copy(unit), null));
  }

  /**
   * Interchange in a subspace (Geiger et al. 2023, arXiv 2303.02536): replaces the component in the
   * span of the basis by that of the values and keeps the orthogonal component.
   *
   * @param basis orthonormal rows, one after the other; checked by the run
   * @param values one row for all positions, or one per position
   */
  public static Intervention swap(HookPoint point, float[] basis, float... values) {
    return new Intervention(point, new EditKind.Subspace(copy(basis), copy(values)));
  }

  /**
   * Attention knockout (Geva et al. 2023, arXiv 2304.14767): the tokens at the intervention's
   * positions do not attend to the tokens [from, to). The other tokens share their weight. A token
   * that has no other token to attend to gets a NaN pattern; use {@link #zero} of the pattern to
   * ablate a head.
   *
   * @param from the first token; the run rejects it if it is negative or not below {@code to}
   * @param to the token after the last one
   * @throws InvalidInputException if the layer is negative
   */
  public static Intervention knockOut(int layer, int from, int to) {
    var values = new float[Math.max(1, to - from)];
    Arrays.fill(values, Float.NEGATIVE_INFINITY);
    return set(new HookPoint(HookSite.ATTN_SCORES, layer), values).keys(from, to);
  }

  private static MemorySegment copy(float[] values) {
    return MemorySegment.ofArray(values.clone());
  }

  /**
   * Returns the intervention at positions [newFrom, newTo) only.
   *
   * @throws InvalidInputException if they are not a range, or begin before 0
   */
  public Intervention positions(int newFrom, int newTo) {
    return new Intervention(point, sequence, newFrom, newTo, columns, kind);
  }

  /**
   * Returns the intervention at one position only.
   *
   * @throws InvalidInputException if it is negative
   */
  public Intervention position(int position) {
    return positions(position, position + 1);
  }

  /** Returns the intervention for one head only. */
  public Intervention head(int head) {
    return with(
        columns instanceof Columns.Keys keys
            ? new Columns.Keys(head, keys.from, keys.to)
            : new Columns.Head(head));
  }

  /**
   * Returns the intervention for attention to positions [newFrom, newTo) only, of its head or of
   * all heads.
   */
  public Intervention keys(int newFrom, int newTo) {
    return with(
        new Columns.Keys(columns instanceof Columns.Head(int h) ? h : null, newFrom, newTo));
  }

  /** Returns the intervention for one neuron only. */
  public Intervention neuron(int neuron) {
    return with(new Columns.Range(neuron, neuron + 1));
  }

  /** Returns the intervention for other elements of a row. */
  public Intervention with(Columns newColumns) {
    return new Intervention(point, sequence, from, to, newColumns, kind);
  }

  /** Returns the intervention for one sequence only. */
  public Intervention in(Sequence one) {
    return new Intervention(point, one, from, to, columns, kind);
  }
}
