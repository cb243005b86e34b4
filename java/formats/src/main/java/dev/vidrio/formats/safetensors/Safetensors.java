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
 * A safetensors file, mapped and fully validated.
 *
 * <p>Layout: a 64-bit length, then that many bytes of JSON with the type, shape and byte range of
 * each tensor, then the tensors, little-endian and contiguous.
 *
 * {@snippet file="FormatExamples.java" region="safetensors"}
 *
 * <p>As with {@link dev.vidrio.formats.gguf.Gguf}, tensors stay in the file, which must not change:
 * replace it by renaming a new one over it. Instances are immutable and thread-safe; the arena
 * bounds their lifetime.
 *
 * @see <a href="https://github.com/huggingface/safetensors#format">The safetensors format</a>
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
   * @param arena determines the lifetime of the mapping
   * @throws dev.vidrio.error.ModelFileException if the file cannot be read or is not valid
   */
  public static Safetensors open(Path file, Arena arena) {
    return parse(file.toString(), MappedFile.map(file, arena));
  }

  /**
   * Validates a file that is already in memory.
   *
   * @param name the name of the file in errors
   * @param data the whole file; tensors become slices of it
   * @throws dev.vidrio.error.ModelFileException if the file is not valid
   */
  public static Safetensors parse(String name, MemorySegment data) {
    return new SafetensorsParser(name, data).parse();
  }

  /** Returns the path given to {@link #open}, or the name given to {@link #parse}. */
  public String name() {
    return name;
  }

  /** Returns the strings of {@code __metadata__}, unmodifiable. */
  public Map<String, String> metadata() {
    return metadata;
  }

  /** Returns all tensors in header order. */
  public List<SafetensorsTensor> tensors() {
    return List.copyOf(tensors.values());
  }

  /** Returns the tensor with a name, if it exists. */
  public Optional<SafetensorsTensor> find(String tensorName) {
    return Optional.ofNullable(tensors.get(tensorName));
  }
}
