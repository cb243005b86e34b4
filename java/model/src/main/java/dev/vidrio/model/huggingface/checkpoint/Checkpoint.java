package dev.vidrio.model.huggingface.checkpoint;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.file.FileStatus;
import dev.vidrio.formats.file.JsonFile;
import dev.vidrio.formats.safetensors.Safetensors;
import dev.vidrio.formats.safetensors.SafetensorsTensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;

/**
 * Reads the tensors of a directory, from {@code model.safetensors} or from the files that {@code
 * model.safetensors.index.json} names.
 */
public final class Checkpoint {

  private static final String SINGLE = "model.safetensors";
  private static final String INDEX = "model.safetensors.index.json";
  private static final long MAX_INDEX_BYTES = 64L << 20;
  private static final int MAX_FILES = 4096;

  private Checkpoint() {}

  /** Opens all files and returns their tensors by name. */
  public static Map<String, SafetensorsTensor> open(Path directory, Arena arena) {
    Path single = directory.resolve(SINGLE);
    Path index = directory.resolve(INDEX);
    if (FileStatus.exists(single)) {
      return tensors(Safetensors.open(inside(directory, single, SINGLE), arena));
    }
    if (FileStatus.exists(index)) {
      return sharded(directory, index, arena);
    }
    throw new ModelFileException(
        directory.toString(), "", "", "has neither " + SINGLE + " nor " + INDEX);
  }

  /** Returns the tensors of a file by name. */
  public static Map<String, SafetensorsTensor> tensors(Safetensors file) {
    Map<String, SafetensorsTensor> tensors = new LinkedHashMap<>();
    file.tensors().forEach(tensor -> tensors.put(tensor.name(), tensor));
    return tensors;
  }

  private static Map<String, SafetensorsTensor> sharded(Path directory, Path index, Arena arena) {
    Map<String, String> fileOf = weightMap(index);
    Map<String, Safetensors> files = new TreeMap<>();
    Map<String, SafetensorsTensor> tensors = new LinkedHashMap<>();
    for (Map.Entry<String, String> entry : fileOf.entrySet()) {
      String name = entry.getKey();
      Safetensors file =
          files.computeIfAbsent(
              entry.getValue(), shard -> Safetensors.open(inside(directory, index, shard), arena));
      tensors.put(
          name,
          file.find(name)
              .orElseThrow(
                  () ->
                      error(index, field(name), entry.getValue(), "the file has no such tensor")));
    }
    for (Safetensors file : files.values()) {
      for (SafetensorsTensor tensor : file.tensors()) {
        if (!fileOf.containsKey(tensor.name())) {
          throw error(
              index, field(tensor.name()), "", "is missing, but " + file.name() + " has it");
        }
      }
    }
    return tensors;
  }

  private static Map<String, String> weightMap(Path index) {
    JsonNode map = JsonFile.readObject(index, MAX_INDEX_BYTES).path("weight_map");
    if (!map.isObject() || map.isEmpty()) {
      throw error(index, "weight_map", "", "must be an object of file names");
    }
    Map<String, String> fileOf = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> property : map.properties()) {
      JsonNode file = property.getValue();
      if (!file.isString() || !isPlainName(file.stringValue())) {
        String limit = "must be the name of a .safetensors file in the same directory";
        throw error(index, field(property.getKey()), file.toString(), limit);
      }
      fileOf.put(property.getKey(), file.stringValue());
    }
    if (fileOf.values().stream().distinct().count() > MAX_FILES) {
      throw error(index, "weight_map", "", "names more than " + MAX_FILES + " files");
    }
    return fileOf;
  }

  private static boolean isPlainName(String name) {
    return name.matches("[A-Za-z0-9_][A-Za-z0-9_.-]*\\.safetensors");
  }

  /**
   * Returns a file of the directory, which a symbolic link must not lead out of. Links of
   * huggingface_hub's cache from a snapshot to its blobs are accepted.
   */
  private static Path inside(Path directory, Path from, String name) {
    Path file = directory.resolve(name);
    try {
      Path root = directory.toRealPath();
      Path real = file.toRealPath();
      Path snapshots = root.getParent();
      boolean isBlob =
          snapshots != null
              && snapshots.endsWith("snapshots")
              && real.startsWith(snapshots.resolveSibling("blobs"));
      if (!real.startsWith(root) && !isBlob) {
        throw error(from, "file", name, "is a symbolic link out of the directory");
      }
      return file;
    } catch (IOException e) {
      throw new ModelFileException(from.toString(), "file", name, "no such file", e);
    }
  }

  private static String field(String tensor) {
    return "weight_map '" + tensor + "'";
  }

  private static ModelFileException error(Path file, String field, String value, String limit) {
    return new ModelFileException(file.toString(), field, value, limit);
  }
}
