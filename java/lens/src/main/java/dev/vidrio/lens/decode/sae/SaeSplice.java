package dev.vidrio.lens.decode.sae;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.Hook;
import dev.vidrio.lens.hook.StepRows;
import dev.vidrio.lens.resolve.Preconditions;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/**
 * Splices a sparse autoencoder into a forward pass: the model continues with the reconstruction
 * from the features, which may be changed. With the error term (Marks et al. 2024, arXiv
 * 2403.19647), the unexplained part is kept, {@code z + (ĥ' − ĥ) W_dec}: with unchanged features
 * the pass keeps its bits. Without it, the model continues with the reconstruction alone.
 *
 * @see "docs/lens/decoding.md"
 */
public final class SaeSplice {
  private final SparseAutoencoder autoencoder;
  private final HookPoint in;
  private final HookPoint out;
  private final boolean errorTerm;
  private final UnaryOperator<Features> change;
  private List<float[]> inputs = List.of();
  private List<Features> features = List.of();

  private SaeSplice(
      SparseAutoencoder autoencoder,
      HookPoint in,
      HookPoint out,
      boolean errorTerm,
      UnaryOperator<Features> change) {
    this.autoencoder = autoencoder;
    this.in = in;
    this.out = out;
    this.errorTerm = errorTerm;
    this.change = change;
  }

  /**
   * Returns a splice at the hook points of the autoencoder's file.
   *
   * @param errorTerm whether the unexplained part is kept
   * @param change returns the features of each token after the change
   * @throws InvalidInputException if the model does not have the points
   */
  public static SaeSplice of(
      Lens lens, SparseAutoencoder autoencoder, boolean errorTerm, UnaryOperator<Features> change) {
    return new SaeSplice(
        autoencoder,
        point(lens, autoencoder.config().hookIn()),
        point(lens, autoencoder.config().hookOut()),
        errorTerm,
        change);
  }

  /**
   * Returns a splice that sets the activation of one feature; 0 ablates it.
   *
   * @throws InvalidInputException also if the feature does not exist
   */
  public static SaeSplice ofFeature(
      Lens lens, SparseAutoencoder autoencoder, boolean errorTerm, int feature, float value) {
    autoencoder.requireFeature(feature);
    if (!Float.isFinite(value)) {
      throw new InvalidInputException("value", Float.toString(value), "must be finite");
    }
    return of(lens, autoencoder, errorTerm, features -> features.with(feature, value));
  }

  private static HookPoint point(Lens lens, String name) {
    return Preconditions.requireOne(name, lens.points(name));
  }

  /** Returns the hook point of the input. */
  public HookPoint in() {
    return in;
  }

  /** Returns the hook point of the output. */
  public HookPoint out() {
    return out;
  }

  /** Returns the callbacks for {@link Lens#run(int[], dev.vidrio.lens.Capture, Map)}. */
  public Map<HookPoint, Hook> hooks() {
    Map<HookPoint, Hook> hooks = new LinkedHashMap<>();
    hooks.put(in, this::read);
    // An autoencoder reads and writes the same point.
    hooks.merge(
        out,
        this::write,
        (first, second) ->
            rows -> {
              first.at(rows);
              second.at(rows);
            });
    return hooks;
  }

  private void read(StepRows rows) {
    var values = new float[rows.size()][];
    for (int i = 0; i < values.length; i++) {
      values[i] = rows.row(i).toArray(JAVA_FLOAT);
    }
    inputs = List.of(values);
    features = autoencoder.encode(values);
  }

  private void write(StepRows rows) {
    for (int i = 0; i < rows.size(); i++) {
      long width = rows.row(i).byteSize() / Float.BYTES;
      if (width != autoencoder.config().dOut()) {
        throw new InvalidInputException(
            "hook", out + " of " + width, "the autoencoder writes " + autoencoder.config().dOut());
      }
      Features changed = change.apply(features.get(i));
      MemorySegment row = rows.row(i);
      if (errorTerm) {
        add(row, autoencoder.difference(features.get(i), changed, inputs.get(i)));
      } else {
        row.copyFrom(MemorySegment.ofArray(autoencoder.decode(changed, inputs.get(i))));
      }
    }
  }

  private static void add(MemorySegment row, float[] difference) {
    for (int j = 0; j < difference.length; j++) {
      if (difference[j] != 0) {
        row.setAtIndex(JAVA_FLOAT, j, row.getAtIndex(JAVA_FLOAT, j) + difference[j]);
      }
    }
  }
}
