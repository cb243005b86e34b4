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
 * A GGUF model file: hyperparameters and tokenizer as key-value metadata, and weights as tensors.
 *
 * <p>Use it to inspect or convert a file, or to read weights directly; to run a model, use {@code
 * Model.open} of {@code dev.vidrio.model}.
 *
 * {@snippet file="FormatExamples.java" region="gguf"}
 *
 * <p>The file is mapped, not read: tensors and arrays stay in it and are never copied to the heap.
 * Opening validates the whole structure but not the weights: counts, lengths, types, offsets and
 * overlaps. A file that fails any check is rejected with a {@link ModelFileException} that names
 * the field, its value and the limit.
 *
 * <p>The file must not change while it is mapped. If another program truncates it, an access past
 * its new end throws {@link InternalError} in Java code and kills the process in native code, as
 * for any mapped file. Replace model files by renaming a new one over them.
 *
 * <p>Instances are immutable and thread-safe; the arena given to {@link #open} bounds their
 * lifetime.
 *
 * @see <a href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md">The GGUF
 *     specification</a>
 * @see "docs/formats.md"
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
   * Maps a file and validates it, including the other parts of a split model.
   *
   * @param file a regular file on a file system that supports mapping; of a split model, the first
   *     part
   * @param arena determines the lifetime of the mapping: after it is closed, no tensor, string or
   *     array can be read. If this method throws, the mapping may exist until the arena is closed
   * @throws ModelFileException if the file cannot be read or is not a valid GGUF file
   */
  public static Gguf open(Path file, Arena arena) {
    Gguf gguf = new GgufParser(file.toString(), MappedFile.map(file, arena)).parse();
    return SplitFiles.isPart(gguf) ? SplitFiles.open(file, gguf, arena) : gguf;
  }

  /**
   * Validates a file that is already in memory.
   *
   * @param name the name of the file in errors
   * @param data the whole file; tensors become slices of it, so native code needs native memory
   *     that is aligned to the file's alignment
   * @throws ModelFileException if it is not a valid GGUF file
   * @throws UnsupportedModelException if it is one part of a split model
   */
  public static Gguf parse(String name, MemorySegment data) {
    Gguf gguf = new GgufParser(name, data).parse();
    if (SplitFiles.isPart(gguf)) {
      throw new UnsupportedModelException(
          name, "a part of a split model in memory (key 'split.count')", "open its first file");
    }
    return gguf;
  }

  /**
   * Presents a model of another format as a GGUF file. Its version is 0; offsets and sizes are
   * those of contiguous tensors.
   *
   * @param metadata the keys
   * @param sources the tensors; their data is computed now
   * @param arena allocates the tensors that are not views of the original files
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

  /** Returns the path given to {@link #open}, or the name given to {@link #parse}. */
  public String name() {
    return name;
  }

  /** Returns the format version, 2 or 3; 0 for a model of another format. */
  public int version() {
    return version;
  }

  /** Returns the metadata. */
  public Metadata metadata() {
    return metadata;
  }

  /** Returns all tensors, unmodifiable, in the order of the file. */
  public List<GgufTensor> tensors() {
    return tensors;
  }

  /**
   * Returns the tensor with a name.
   *
   * @throws ModelFileException if there is no such tensor
   */
  public GgufTensor tensor(String tensorName) {
    return findTensor(tensorName)
        .orElseThrow(
            () -> new ModelFileException(name, "tensor '" + tensorName + "'", "", "is missing"));
  }

  /** Returns the tensor with a name, if it exists. */
  public Optional<GgufTensor> findTensor(String tensorName) {
    return Optional.ofNullable(byName.get(tensorName));
  }

  /** Returns the file's size in bytes. */
  public long size() {
    return size;
  }

  /** Returns the offset of the tensor data, in bytes from the start of the file. */
  public long dataOffset() {
    return dataOffset;
  }

  /** Returns the alignment of tensor offsets in bytes, a power of two of at least 8. */
  public int alignment() {
    return alignment;
  }
}
