package dev.vidrio.formats.gguf;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.file.MappedFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A GGUF model file: its metadata and tensors.
 *
 * <pre>{@code
 * try (Arena arena = Arena.ofShared()) {
 *   Gguf gguf = Gguf.open(Path.of("bard.gguf"), arena);
 *   int layers = gguf.metadata().intValue("llama.block_count", 1, 512);
 *   MemorySegment weights = gguf.tensor("token_embd.weight").data();
 * }
 * }</pre>
 *
 * <p>The file is mapped, not read: tensors and arrays stay in it and are never copied to the heap.
 * Opening validates the whole structure, but not the weights; a file that fails any check is
 * refused with a {@link ModelFileException}.
 *
 * <p>The file must not change while it is mapped. If another program shortens it, an access past
 * its new end throws {@link InternalError} in Java code and kills the process in native code; no
 * program that maps files can prevent this. Replace model files by renaming a new one over them.
 */
public final class Gguf {

  private static final int TENSOR_ALIGNMENT = 64;

  private final String name;
  private final int version;
  private final Metadata metadata;
  private final List<GgufTensor> tensors;
  private final Map<String, GgufTensor> byName;
  private final long size;
  private final long dataOffset;
  private final int alignment;

  Gguf(
      String name,
      int version,
      Metadata metadata,
      List<GgufTensor> tensors,
      long size,
      long dataOffset,
      int alignment) {
    this.name = name;
    this.version = version;
    this.metadata = metadata;
    this.tensors = List.copyOf(tensors);
    this.byName = LinkedHashMap.newLinkedHashMap(tensors.size());
    tensors.forEach(tensor -> byName.put(tensor.name(), tensor));
    this.size = size;
    this.dataOffset = dataOffset;
    this.alignment = alignment;
  }

  /**
   * Maps a file and validates it, with the other parts of a model that is split into several.
   *
   * @param file a regular file on a file system that can map
   * @param arena closes the mapping; after that no tensor and no string or array can be read. When
   *     this method throws, the mapping may exist until the arena is closed
   * @throws ModelFileException if the file cannot be read or is no valid GGUF file
   */
  public static Gguf open(Path file, Arena arena) {
    Gguf gguf = new GgufParser(file.toString(), MappedFile.map(file, arena)).parse();
    return SplitFiles.isPart(gguf) ? SplitFiles.open(file, gguf, arena) : gguf;
  }

  /**
   * Validates a file that is already in memory.
   *
   * @param name what errors call it
   * @param data the whole file; tensors become slices of it, so that native code needs native
   *     memory aligned to the file's alignment
   * @throws ModelFileException if it is no valid GGUF file
   * @throws UnsupportedModelException if it is one of several files of a model
   */
  public static Gguf parse(String name, MemorySegment data) {
    Gguf gguf = new GgufParser(name, data).parse();
    if (SplitFiles.isPart(gguf)) {
      throw new UnsupportedModelException(
          name, "a part of a model in memory (key 'split.count')", "open its first file");
    }
    return gguf;
  }

  /**
   * A model that comes from files of another format, in the terms of this one. Its version is 0;
   * offsets and sizes are those that the tensors would have side by side.
   *
   * @param arena holds the tensors that are no mere views of those files
   */
  public static Gguf of(Metadata metadata, List<TensorSource> sources, Arena arena) {
    List<GgufTensor> tensors = new ArrayList<>(sources.size());
    long offset = 0;
    for (TensorSource source : sources) {
      MemorySegment data =
          source.data((bytes, alignment) -> arena.allocate(bytes, TENSOR_ALIGNMENT));
      tensors.add(new GgufTensor(source.name(), source.type(), source.shape(), offset, data));
      offset += data.byteSize();
    }
    return new Gguf(metadata.file(), 0, metadata, tensors, offset, 0, 1);
  }

  /** Returns the path as it was given to {@link #open}, or the name given to {@link #parse}. */
  public String name() {
    return name;
  }

  /** Returns the format's version, 2 or 3; 0 for a model of another format. */
  public int version() {
    return version;
  }

  /** Returns the keys and their values. */
  public Metadata metadata() {
    return metadata;
  }

  /** Returns all tensors, unmodifiable and in the file's order. */
  public List<GgufTensor> tensors() {
    return tensors;
  }

  /**
   * Returns the tensor with that name.
   *
   * @throws ModelFileException if there is none
   */
  public GgufTensor tensor(String tensorName) {
    return findTensor(tensorName)
        .orElseThrow(
            () -> new ModelFileException(name, "tensor '" + tensorName + "'", "", "is missing"));
  }

  /** Returns the tensor with that name, if there is one. */
  public Optional<GgufTensor> findTensor(String tensorName) {
    return Optional.ofNullable(byName.get(tensorName));
  }

  /** Returns the file's size in bytes. */
  public long size() {
    return size;
  }

  /** Returns where tensor data begins, in bytes from the start of the file. */
  public long dataOffset() {
    return dataOffset;
  }

  /** Returns what every tensor's offset is a multiple of, in bytes: a power of two, at least 8. */
  public int alignment() {
    return alignment;
  }
}
