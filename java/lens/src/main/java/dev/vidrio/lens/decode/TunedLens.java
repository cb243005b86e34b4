package dev.vidrio.lens.decode;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.file.FileStatus;
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
 * <p>A future lens (Pal et al. 2023, arXiv 2311.04897) has the same form: its translators map the
 * stream at position i to a stream with the model's prediction after position i + t. How much
 * better it predicts than chance shows what the stream already holds about tokens to come.
 *
 * <p>{@link #load} also reads lenses of the package tuned-lens.
 *
 * {@snippet file="decode/DecodeExamplesTest.java" region="tuned"}
 *
 * <p>Safe for concurrent reads after training.
 *
 * @see LogitLens#of(Lens, int[], dev.vidrio.lens.Capture, int, LogitLens.Translation)
 * @see "docs/lens/decoding.md"
 */
public final class TunedLens implements LogitLens.Translation {
  /** Maximum number of tokens ahead. */
  static final int MAX_AHEAD = 1 << 20;

  /** The key of the number of tokens ahead in the metadata of a file. */
  private static final String AHEAD = "ahead";

  /** The rows of A, then b: {@code x ↦ x + A x + b}, [d + 1][d]. */
  private final Map<HookPoint, float[][]> translators;

  private final int ahead;

  TunedLens(Map<HookPoint, float[][]> translators, int ahead) {
    this.translators = translators;
    this.ahead = ahead;
  }

  /** Returns a lens with translators of zeros at these points. */
  static TunedLens zeros(List<HookPoint> points, int d, int ahead) {
    Map<HookPoint, float[][]> translators = new LinkedHashMap<>();
    for (HookPoint point : points) {
      translators.put(point, new float[d + 1][d]);
    }
    return new TunedLens(translators, ahead);
  }

  /** Returns the number of tokens ahead of a future lens; 0 for a tuned lens. */
  @Override
  public int ahead() {
    return ahead;
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
   * [d], and the metadata {@code ahead} for a future lens.
   *
   * @param model the name of the model
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
    Map<String, String> metadata =
        ahead == 0
            ? Map.of("model", model)
            : Map.of("model", model, AHEAD, Integer.toString(ahead));
    try (var writer = SafetensorsWriter.create(file, entries, metadata)) {
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
   * Reads a file of {@link #save}, or a directory of the package tuned-lens (EleutherAI 2023):
   * {@code config.json} and {@code params.safetensors}, the tensors of its {@code params.pt}.
   * Translator i of the package, {@code i.weight} [d, d] and {@code i.bias} [d], maps the stream
   * before layer i, which is that after layer i − 1.
   *
   * @param path of a file or directory
   * @throws ModelFileException if it is missing, damaged or of another model, or pickled by PyTorch
   */
  public static TunedLens load(Lens lens, Path path) {
    if (FileStatus.isDirectory(path)) {
      return TunedLensDirectory.load(lens, path);
    }
    requireNoPickle(path, "torch.load('" + path.getFileName() + "', weights_only=True)");
    int d = lens.model().architecture().width();
    Map<HookPoint, float[][]> translators = new LinkedHashMap<>();
    try (Arena arena = Arena.ofConfined()) {
      Safetensors file = Safetensors.open(path, arena);
      for (HookPoint point : lens.points()) {
        if (file.find(point + ".weight").isPresent()) {
          translators.put(point, translator(file, point.name(), d));
        }
      }
      if (translators.isEmpty()) {
        throw new ModelFileException(path.toString(), "", "", "is not a translator of this model");
      }
      return new TunedLens(translators, ahead(file));
    }
  }

  /** Returns the rows of {@code NAME.weight}, then {@code NAME.bias}. */
  static float[][] translator(Safetensors file, String name, int d) {
    float[][] rows = Arrays.copyOf(FloatTensors.rows(file, name + ".weight", d, d), d + 1);
    rows[d] = FloatTensors.values(file, name + ".bias", d);
    return rows;
  }

  private static int ahead(Safetensors file) {
    String value = file.metadata().getOrDefault(AHEAD, "0");
    try {
      int tokens = Integer.parseInt(value);
      if (tokens >= 0 && tokens <= MAX_AHEAD) {
        return tokens;
      }
    } catch (NumberFormatException e) {
      // reported below
    }
    throw new ModelFileException(
        file.name(), "metadata '" + AHEAD + "'", value, "must be 0 to " + MAX_AHEAD);
  }

  /**
   * Rejects a pickle of PyTorch, which can run code when it is read, and shows how to convert it.
   *
   * @param tensors a Python expression of a dictionary of its tensors
   */
  static void requireNoPickle(Path path, String tensors) {
    String name = String.valueOf(path.getFileName());
    if (name.endsWith(".pt") || name.endsWith(".pth") || name.endsWith(".bin")) {
      throw new ModelFileException(
          path.toString(),
          "",
          "",
          "pickled tensors of PyTorch are not supported; convert them: python3 -c \"import torch,"
              + " safetensors.torch as s; s.save_file("
              + tensors
              + ", '"
              + name.replaceAll("[.][^.]*$", ".safetensors")
              + "')\"");
    }
  }
}
