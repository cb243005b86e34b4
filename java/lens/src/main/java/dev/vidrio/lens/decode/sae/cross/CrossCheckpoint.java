package dev.vidrio.lens.decode.sae.cross;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.file.MappedFile;
import dev.vidrio.formats.safetensors.Dtype;
import dev.vidrio.formats.safetensors.Safetensors;
import dev.vidrio.formats.safetensors.SafetensorsWriter;
import dev.vidrio.formats.safetensors.SafetensorsWriter.Entry;
import dev.vidrio.lens.decode.sae.cross.CrossTraining.Position;
import dev.vidrio.lens.memory.FloatTensors;
import dev.vidrio.lens.numeric.Adam;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes and reads the state of a training: weights, moments of Adam, scales, idle steps and the
 * position in the text. The options of the training are compared when it is read.
 */
final class CrossCheckpoint {
  private CrossCheckpoint() {}

  private static Map<String, String> settings(CrossTrainer trainer, ActivationSources sources) {
    CrossOptions options = trainer.options();
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("hooks", String.join(",", sources.names()));
    settings.put("models", sources.isOfModels() ? "2" : "1");
    settings.put("features", Integer.toString(options.features()));
    settings.put("k", Integer.toString(options.k()));
    settings.put("penalty", Double.toString(options.penalty()));
    settings.put("learning rate", Double.toString(options.learningRate()));
    settings.put("batch", Integer.toString(options.batch()));
    settings.put("steps", Integer.toString(options.steps()));
    settings.put("dead after", Integer.toString(options.deadAfter()));
    settings.put("buffer", Integer.toString(options.buffer()));
    settings.put("seed", Long.toString(options.seed()));
    return settings;
  }

  /** Returns the matrices of the state by name; they are those of the trainer. */
  private static Map<String, float[][]> matrices(CrossTrainer trainer) {
    Map<String, float[][]> matrices = new LinkedHashMap<>();
    matrices.put("scales", new float[][] {trainer.scales});
    put(matrices, "output_bias", trainer.outputBias, trainer.outputBiasAdam);
    for (int g = 0; g < trainer.groups.size(); g++) {
      FeatureGroup group = trainer.groups.get(g);
      put(matrices, "encoder." + g, group.encoder, group.encoderAdam);
      put(matrices, "decoder." + g, group.decoder, group.decoderAdam);
      put(matrices, "bias." + g, group.bias, group.biasAdam);
    }
    return matrices;
  }

  private static void put(
      Map<String, float[][]> matrices, String name, float[][] weights, Adam adam) {
    matrices.put(name, weights);
    matrices.put(name + ".first_moment", adam.first());
    matrices.put(name + ".second_moment", adam.second());
  }

  private static float[] idle(FeatureGroup group) {
    var idle = new float[group.idle.length];
    for (int f = 0; f < idle.length; f++) {
      idle[f] = group.idle[f];
    }
    return idle;
  }

  static void write(Path file, CrossTrainer trainer, ActivationSources sources, Position position)
      throws IOException {
    Map<String, float[][]> matrices = matrices(trainer);
    for (int g = 0; g < trainer.groups.size(); g++) {
      matrices.put("idle." + g, new float[][] {idle(trainer.groups.get(g))});
    }
    List<Entry> entries = new ArrayList<>();
    matrices.forEach(
        (name, rows) ->
            entries.add(
                new Entry(name, Dtype.F32, List.of((long) rows.length, (long) rows[0].length))));
    Map<String, String> metadata = settings(trainer, sources);
    metadata.put("step", Integer.toString(trainer.steps));
    metadata.put("threshold", Double.toString(trainer.threshold));
    metadata.put("round", Integer.toString(position.round()));
    metadata.put("chunks", Integer.toString(position.chunks()));
    metadata.put("checksum", Long.toString(position.checksum()));
    metadata.put("end", Boolean.toString(position.end()));
    try (var writer = SafetensorsWriter.create(file, entries, metadata)) {
      for (var matrix : matrices.entrySet()) {
        for (float[] row : matrix.getValue()) {
          writer.write(matrix.getKey(), row);
        }
      }
      writer.finish();
    }
  }

  /**
   * Restores the state of a trainer.
   *
   * @throws InvalidInputException if the options differ
   * @throws ModelFileException if the file is damaged
   */
  static Position read(Path file, CrossTrainer trainer, ActivationSources sources) {
    return MappedFile.read(file.toString(), () -> readMapped(file, trainer, sources));
  }

  private static Position readMapped(Path file, CrossTrainer trainer, ActivationSources sources) {
    try (Arena arena = Arena.ofConfined()) {
      Safetensors tensors = Safetensors.open(file, arena);
      settings(trainer, sources)
          .forEach(
              (name, value) -> {
                String written = string(tensors, name);
                if (!written.equals(value)) {
                  throw new InvalidInputException(
                      name, value, "is " + written + " in the checkpoint " + file);
                }
              });
      matrices(trainer)
          .forEach(
              (name, rows) -> {
                float[][] read = FloatTensors.rows(tensors, name, rows.length, rows[0].length);
                for (int i = 0; i < rows.length; i++) {
                  System.arraycopy(read[i], 0, rows[i], 0, rows[i].length);
                }
              });
      for (int g = 0; g < trainer.groups.size(); g++) {
        int[] idle = trainer.groups.get(g).idle;
        float[] read = FloatTensors.rows(tensors, "idle." + g, 1, idle.length)[0];
        for (int f = 0; f < idle.length; f++) {
          idle[f] = (int) read[f];
        }
      }
      trainer.steps = (int) number(tensors, "step", trainer.options().steps());
      trainer.threshold = real(tensors, "threshold");
      return new Position(
          (int) number(tensors, "round", trainer.steps),
          (int) number(tensors, "chunks", Integer.MAX_VALUE),
          number(tensors, "checksum", 0xFFFF_FFFFL),
          string(tensors, "end").equals("true"));
    }
  }

  private static String string(Safetensors tensors, String key) {
    String value = tensors.metadata().get(key);
    if (value == null) {
      throw new ModelFileException(tensors.name(), "metadata '" + key + "'", "", "is missing");
    }
    return value;
  }

  private static double real(Safetensors tensors, String key) {
    try {
      return Double.parseDouble(string(tensors, key));
    } catch (NumberFormatException e) {
      throw new ModelFileException(
          tensors.name(), "metadata '" + key + "'", string(tensors, key), "must be a number", e);
    }
  }

  private static long number(Safetensors tensors, String key, long most) {
    double value = real(tensors, key);
    if (value != Math.rint(value) || value < 0 || value > most) {
      throw new ModelFileException(
          tensors.name(),
          "metadata '" + key + "'",
          string(tensors, key),
          "must be an integer from 0 to " + most);
    }
    return (long) value;
  }
}
