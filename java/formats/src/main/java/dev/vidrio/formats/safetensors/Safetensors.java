package dev.vidrio.formats.safetensors;

import dev.vidrio.formats.file.MappedFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A safetensors file, mapped and fully validated: a 64-bit length, that many bytes of JSON with the
 * type, shape and place of each tensor, then the tensors, little endian, side by side.
 *
 * <pre>{@code
 * try (Arena arena = Arena.ofShared()) {
 *   Safetensors file = Safetensors.open(Path.of("model.safetensors"), arena);
 *   MemorySegment weights = file.find("lm_head.weight").orElseThrow().data();
 * }
 * }</pre>
 *
 * <p>As with {@link dev.vidrio.formats.gguf.Gguf}, tensors stay in the file, which must not change:
 * replace it by renaming a new one over it.
 */
public final class Safetensors {

  private final String name;
  private final Map<String, String> metadata;
  private final Map<String, SafetensorsTensor> tensors;

  Safetensors(String name, Map<String, String> metadata, List<SafetensorsTensor> tensors) {
    this.name = name;
    this.metadata = Collections.unmodifiableMap(metadata);
    this.tensors = LinkedHashMap.newLinkedHashMap(tensors.size());
    tensors.forEach(tensor -> this.tensors.put(tensor.name(), tensor));
  }

  /**
   * Maps a file and validates it.
   *
   * @param arena closes the mapping
   * @throws dev.vidrio.error.ModelFileException if the file cannot be read or is not valid
   */
  public static Safetensors open(Path file, Arena arena) {
    return parse(file.toString(), MappedFile.map(file, arena));
  }

  /**
   * Validates a file that is already in memory.
   *
   * @param name what errors call it
   * @param data the whole file; tensors become slices of it
   * @throws dev.vidrio.error.ModelFileException if the file is not valid
   */
  public static Safetensors parse(String name, MemorySegment data) {
    return new SafetensorsParser(name, data).parse();
  }

  /** Returns the path as it was given to {@link #open}, or the name given to {@link #parse}. */
  public String name() {
    return name;
  }

  /** Returns the strings of {@code __metadata__}, unmodifiable. */
  public Map<String, String> metadata() {
    return metadata;
  }

  /** Returns all tensors in the order of the header. */
  public List<SafetensorsTensor> tensors() {
    return List.copyOf(tensors.values());
  }

  /** Returns the tensor with that name, if there is one. */
  public Optional<SafetensorsTensor> find(String tensorName) {
    return Optional.ofNullable(tensors.get(tensorName));
  }
}
