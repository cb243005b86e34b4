package dev.vidrio.lens.decode;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.safetensors.Dtype;
import dev.vidrio.formats.safetensors.Safetensors;
import dev.vidrio.formats.safetensors.SafetensorsWriter;
import dev.vidrio.formats.safetensors.SafetensorsWriter.Entry;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.inspect.LogitLens;
import dev.vidrio.lens.memory.FloatTensors;
import dev.vidrio.lens.vector.Vectors;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The tuned lens (Belrose et al. 2023, arXiv 2303.08112): a {@link LogitLens} that first maps each
 * layer's residual stream to the basis of the last, {@code LN_f(x + x Aᵀ + b) W_U}, by an affine
 * translator per layer that {@link TunedLensTrainer} fits to the model's own predictions. With
 * zeros it is the logit lens.
 *
 * {@snippet file="decode/DecodeExamplesTest.java" region="tuned"}
 *
 * <p>Safe for concurrent reads after training.
 *
 * @see LogitLens#of(Lens, int[], dev.vidrio.lens.Capture, int, LogitLens.Translation)
 * @see "docs/lens/decoding.md"
 */
public final class TunedLens implements LogitLens.Translation {
  /** The rows of A, then b: {@code x ↦ x + A x + b}, [d + 1][d]. */
  private final Map<HookPoint, float[][]> translators;

  TunedLens(Map<HookPoint, float[][]> translators) {
    this.translators = translators;
  }

  /** Returns a lens with translators of zeros at these points. */
  static TunedLens zeros(List<HookPoint> points, int d) {
    Map<HookPoint, float[][]> translators = new LinkedHashMap<>();
    for (HookPoint point : points) {
      translators.put(point, new float[d + 1][d]);
    }
    return new TunedLens(translators);
  }

  /**
   * Returns the points with translators, in the order of a forward pass; other residual streams are
   * not translated.
   */
  public List<HookPoint> points() {
    return List.copyOf(translators.keySet());
  }

  /** Returns the rows of A, then b, at a point. */
  float[][] translator(HookPoint point) {
    float[][] translator = translators.get(point);
    if (translator == null) {
      throw new IllegalArgumentException("there is no translator at " + point);
    }
    return translator;
  }

  @Override
  public float[] of(HookPoint point, float[] x) {
    float[][] translator = translators.get(point);
    if (translator == null) {
      return x;
    }
    float[] translated = x.clone();
    for (int j = 0; j < x.length; j++) {
      translated[j] += (float) (Vectors.dot(translator[j], x) + translator[x.length][j]);
    }
    return translated;
  }

  /**
   * Writes the translators: for each point P the tensors {@code P.weight} [d, d] and {@code P.bias}
   * [d].
   *
   * @throws IOException if the file cannot be written
   */
  public void save(Path file, String model) throws IOException {
    List<Entry> entries = new ArrayList<>();
    translators.forEach(
        (point, translator) -> {
          long d = translator.length - 1L;
          entries.add(new Entry(point + ".weight", Dtype.F32, List.of(d, d)));
          entries.add(new Entry(point + ".bias", Dtype.F32, List.of(d)));
        });
    try (var writer = SafetensorsWriter.create(file, entries, Map.of("model", model))) {
      for (var entry : translators.entrySet()) {
        float[][] rows = entry.getValue();
        for (int j = 0; j < rows.length; j++) {
          writer.write(entry.getKey() + (j < rows.length - 1 ? ".weight" : ".bias"), rows[j]);
        }
      }
      writer.finish();
    }
  }

  /**
   * Reads a file of {@link #save}.
   *
   * @throws ModelFileException if it is missing, damaged or of another model
   */
  public static TunedLens load(Lens lens, Path path) {
    int d = lens.model().architecture().width();
    Map<HookPoint, float[][]> translators = new LinkedHashMap<>();
    try (Arena arena = Arena.ofConfined()) {
      Safetensors file = Safetensors.open(path, arena);
      for (HookPoint point : lens.points()) {
        if (file.find(point + ".weight").isPresent()) {
          float[][] rows = Arrays.copyOf(FloatTensors.rows(file, point + ".weight", d, d), d + 1);
          rows[d] = FloatTensors.values(file, point + ".bias", d);
          translators.put(point, rows);
        }
      }
      if (translators.isEmpty()) {
        throw new ModelFileException(path.toString(), "", "", "is not a translator of this model");
      }
    }
    return new TunedLens(translators);
  }
}
