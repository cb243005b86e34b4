package dev.vidrio.lens.hook;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.NearNames;
import java.util.List;

/**
 * Activations of one sequence, off-heap. What the model writes was copied while it ran. What
 * follows from that (norms, attention patterns, head results) is computed on first use and kept.
 *
 * <p>The model has to stay open while it is read: weights take part in what is computed. Any thread
 * may read. Closing it frees the activations: to ask for one or to read an {@link Activation} from
 * it then throws {@link IllegalStateException}, and so does an {@link Edit#patch} from it when it
 * runs. What it held, and of which tokens, can still be asked.
 */
public interface ActivationCache extends AutoCloseable {
  /** What it holds, in the order of a forward pass. */
  List<HookPoint> points();

  /**
   * Bytes of off-heap memory: of all sequences of its session, and of what was computed when it was
   * asked for.
   */
  long bytes();

  /** The tokens that ran, from position 0 on. */
  int[] tokens();

  /** The position of row 0 of its activations. */
  int from();

  /** Rows of its activations: positions that were kept. */
  int rows();

  /**
   * The activation at a point.
   *
   * @throws InvalidInputException when it is not in this cache
   * @throws IllegalStateException when this is closed
   */
  Activation get(HookPoint point);

  /** The activation of a site outside the blocks, as {@link #get(HookPoint)} gives it. */
  default Activation get(HookSite site) {
    return get(HookPoint.of(site));
  }

  /** The activation of a site in a block, as {@link #get(HookPoint)} gives it. */
  default Activation get(HookSite site, int layer) {
    return get(new HookPoint(site, layer));
  }

  /**
   * The activation of this name, such as {@code blocks.0.attn.hook_z}; no pattern of names.
   *
   * @throws InvalidInputException when it is not in this cache
   * @throws IllegalStateException when this is closed
   */
  default Activation get(String name) {
    for (HookPoint point : points()) {
      if (point.name().equals(name)) {
        return get(point);
      }
    }
    List<String> near = NearNames.of(name, points().stream().map(HookPoint::name).toList());
    throw new InvalidInputException(
        "hook",
        name,
        "is not in this cache" + (near.isEmpty() ? "" : "; near is " + near.getFirst()));
  }

  /** Whether there is something at this point. */
  default boolean has(HookPoint point) {
    return points().contains(point);
  }

  /** Frees the activations, where they are not those of a session that goes on. */
  @Override
  void close();
}
