package dev.vidrio.lens.decode.sae.train;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.file.FileStatus;
import dev.vidrio.formats.file.MappedFile;
import dev.vidrio.formats.safetensors.Dtype;
import dev.vidrio.formats.safetensors.Safetensors;
import dev.vidrio.formats.safetensors.SafetensorsWriter;
import dev.vidrio.formats.safetensors.SafetensorsWriter.Entry;
import dev.vidrio.lens.memory.FloatTensors;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes and reads the state of a training and its position in the text, as a safetensors file. The
 * model and the settings of the training are compared when it is read.
 */
public final class TrainingCheckpoint {
  /** The version of the format. Files of version 1 do not name it. */
  private static final String VERSION = "4";

  private static final String MODEL = "model";
  private static final String MODEL_HASH = "model hash";

  private final Path path;
  private final int interval;
  private final Schedule schedule;
  private final TrainedModel model;
  private final Map<String, String> settings;

  /**
   * Creates the description of a file, which need not exist.
   *
   * @param interval minimum number of steps between two checkpoints
   * @param model that another training must have to continue
   * @param settings in addition to the schedule that another training must have to continue, by the
   *     names of errors
   */
  public TrainingCheckpoint(
      Path path,
      int interval,
      Schedule schedule,
      TrainedModel model,
      Map<String, String> settings) {
    this.path = path;
    this.interval = interval;
    this.schedule = schedule;
    this.model = model;
    this.settings = new LinkedHashMap<>(settings);
    this.settings.putAll(schedule.settings());
  }

  /**
   * A position between two rounds.
   *
   * @param round number of rounds
   * @param chunks of the text before it, in the pass through the text
   * @param checksum of their tokens
   * @param end whether it is the end of the text
   */
  record Position(int round, int chunks, long checksum, boolean end) {}

  int interval() {
    return interval;
  }

  boolean exists() {
    return FileStatus.exists(path);
  }

  void write(TrainingState state, Position position) throws IOException {
    Map<String, float[][]> matrices = new LinkedHashMap<>(state.matrices());
    state.counts().forEach((name, counts) -> matrices.put(name, new float[][] {floats(counts)}));
    List<Entry> entries = new ArrayList<>();
    matrices.forEach(
        (name, rows) ->
            entries.add(
                new Entry(name, Dtype.F32, List.of((long) rows.length, (long) rows[0].length))));
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put("version", VERSION);
    metadata.put(MODEL, model.names());
    metadata.put(MODEL_HASH, model.hashes());
    metadata.putAll(settings);
    metadata.put("step", Integer.toString(state.steps()));
    metadata.put("threshold", Double.toString(state.threshold()));
    metadata.put("round", Integer.toString(position.round()));
    metadata.put("chunks", Integer.toString(position.chunks()));
    metadata.put("checksum", Long.toString(position.checksum()));
    metadata.put("end", Boolean.toString(position.end()));
    try (var writer = SafetensorsWriter.create(path, entries, metadata)) {
      for (var matrix : matrices.entrySet()) {
        for (float[] row : matrix.getValue()) {
          writer.write(matrix.getKey(), row);
        }
      }
      writer.finish();
    }
  }

  private static float[] floats(int[] counts) {
    var floats = new float[counts.length];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = counts[i];
    }
    return floats;
  }

  /**
   * Restores a state.
   *
   * @throws InvalidInputException if the model or the settings differ
   * @throws ModelFileException if the file is damaged, or of another version
   */
  Position read(TrainingState state) {
    return MappedFile.read(path.toString(), () -> readMapped(state));
  }

  private Position readMapped(TrainingState state) {
    try (Arena arena = Arena.ofConfined()) {
      Safetensors file = Safetensors.open(path, arena);
      requireVersion(file);
      requireModel(file);
      settings.forEach((name, value) -> requireSetting(file, name, value));
      state.matrices().forEach((name, rows) -> readRows(file, name, rows));
      int steps = number(file, "step", schedule.steps());
      state.counts().forEach((name, counts) -> readCounts(file, name, counts, steps));
      state.restore(steps, real(file, "threshold"));
      return new Position(
          number(file, "round", steps),
          number(file, "chunks", Integer.MAX_VALUE),
          checksum(file),
          string(file, "end").equals("true"));
    }
  }

  private static void requireVersion(Safetensors file) {
    String version = file.metadata().getOrDefault("version", "1");
    if (!version.equals(VERSION)) {
      throw new ModelFileException(
          file.name(),
          "version of the checkpoint",
          version,
          "must be " + VERSION + "; delete the file to start the training again");
    }
  }

  private void requireModel(Safetensors file) {
    if (!string(file, MODEL_HASH).equals(model.hashes())) {
      throw new InvalidInputException(
          MODEL,
          model.names(),
          "has other weights than that of the checkpoint "
              + file.name()
              + ", "
              + string(file, MODEL));
    }
  }

  private static void requireSetting(Safetensors file, String name, String value) {
    String written = string(file, name);
    if (!written.equals(value)) {
      throw new InvalidInputException(
          name, value, "is " + written + " in the checkpoint " + file.name());
    }
  }

  private static void readRows(Safetensors file, String name, float[][] rows) {
    float[][] read = FloatTensors.rows(file, name, rows.length, rows[0].length);
    for (int i = 0; i < rows.length; i++) {
      System.arraycopy(read[i], 0, rows[i], 0, rows[i].length);
    }
  }

  private static void readCounts(Safetensors file, String name, int[] counts, int steps) {
    float[] read = FloatTensors.rows(file, name, 1, counts.length)[0];
    for (int i = 0; i < counts.length; i++) {
      counts[i] = (int) read[i];
      if (counts[i] != read[i] || counts[i] < 0 || counts[i] > steps) {
        throw new ModelFileException(
            file.name(),
            "element " + i + " of tensor '" + name + "'",
            Float.toString(read[i]),
            "must be an integer from 0 to " + steps);
      }
    }
  }

  private static String string(Safetensors file, String key) {
    String value = file.metadata().get(key);
    if (value == null) {
      throw new ModelFileException(file.name(), "metadata '" + key + "'", "", "is missing");
    }
    return value;
  }

  private static double real(Safetensors file, String key) {
    try {
      return Double.parseDouble(string(file, key));
    } catch (NumberFormatException e) {
      throw new ModelFileException(
          file.name(), "metadata '" + key + "'", string(file, key), "must be a number", e);
    }
  }

  private static long checksum(Safetensors file) {
    return integer(file, "checksum", 0xFFFF_FFFFL);
  }

  private static int number(Safetensors file, String key, int most) {
    return (int) integer(file, key, most);
  }

  private static long integer(Safetensors file, String key, long most) {
    double value = real(file, key);
    if (value != Math.rint(value) || value < 0 || value > most) {
      throw new ModelFileException(
          file.name(),
          "metadata '" + key + "'",
          string(file, key),
          "must be an integer from 0 to " + most);
    }
    return (long) value;
  }
}
