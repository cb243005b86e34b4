package dev.vidrio.lens.hook;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.SimilarNames;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import java.util.List;

/**
 * The activations of one sequence, off-heap. Answers what a model computed at a {@link HookPoint}:
 * the residual stream [n, d], queries [n, H, d_h], patterns [H, n, n_kv], neurons [n, d_ffn],
 * logits [n, V] and so on, as {@link HookSite.Axes} describes. Activations that the plan writes are
 * copied during the forward pass; what follows from them (norms, attention patterns, head results)
 * is computed on first use and kept.
 *
 * {@snippet file="LensExamplesTest.java" region="cache"}
 *
 * <p>The model must stay open while the cache is read, since some activations are computed with its
 * weights. Thread-safe for reading. Closing the cache frees the activations; {@link #get} and reads
 * of an {@link Activation} then throw {@link IllegalStateException}, as does a run with an {@link
 * Intervention#patch} from it. {@link #points}, {@link #tokens}, {@link #from} and {@link #rows}
 * remain available.
 *
 * @see "docs/lens/README.md"
 */
public interface ActivationCache extends AutoCloseable {
  /** Returns the hook points of the cache, in the order of a forward pass. */
  List<HookPoint> points();

  /**
   * Returns the bytes of off-heap memory of all sequences of the session, including what was
   * computed on use.
   */
  long bytes();

  /** Returns the tokens that ran, from position 0. */
  int[] tokens();

  /** Returns the position of row 0. */
  int from();

  /** Returns the number of rows: the captured positions. */
  int rows();

  /**
   * Returns the activation at a point.
   *
   * @throws InvalidInputException if the point is not in this cache
   * @throws IllegalStateException if the cache is closed
   */
  Activation get(HookPoint point);

  /** Returns the activation of a site outside blocks, as {@link #get(HookPoint)} does. */
  default Activation get(HookSite site) {
    return get(HookPoint.of(site));
  }

  /** Returns the activation of a site in a block, as {@link #get(HookPoint)} does. */
  default Activation get(HookSite site, int layer) {
    return get(new HookPoint(site, layer));
  }

  /**
   * Returns the activation with a name, such as {@code blocks.0.attn.hook_z}; patterns are not
   * supported.
   *
   * @throws InvalidInputException if the name is not in this cache
   * @throws IllegalStateException if the cache is closed
   */
  default Activation get(String name) {
    for (HookPoint point : points()) {
      if (point.name().equals(name)) {
        return get(point);
      }
    }
    List<String> near = SimilarNames.of(name, points().stream().map(HookPoint::name).toList());
    throw new InvalidInputException(
        "hook",
        name,
        "is not in this cache" + (near.isEmpty() ? "" : "; similar: " + near.getFirst()));
  }

  /** Returns whether the cache has a point. */
  default boolean has(HookPoint point) {
    return points().contains(point);
  }

  /** Frees the activations, unless they belong to a session that is open. */
  @Override
  void close();
}
