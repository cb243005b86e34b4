package dev.vidrio.model.huggingface.checkpoint;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.gguf.TensorSource;
import dev.vidrio.formats.safetensors.SafetensorsTensor;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Collects the tensors of a model under their names in GGUF, and rejects checkpoints with tensors
 * that were not taken.
 */
public final class CheckpointMap implements TensorMap {
  private final String directory;
  private final Map<String, SafetensorsTensor> checkpoint;
  private final Set<String> taken = new HashSet<>();
  private final List<TensorSource> sources = new ArrayList<>();

  public CheckpointMap(String directory, Map<String, SafetensorsTensor> checkpoint) {
    this.directory = directory;
    this.checkpoint = checkpoint;
  }

  @Override
  public boolean has(String from) {
    return checkpoint.containsKey(from);
  }

  @Override
  public void take(List<String> from, String to, Layout layout) {
    Layout.Target target = layout.of(from.stream().map(this::get).toList());
    List<Long> shape = target.shape();
    if (shape.isEmpty() || shape.size() > 4 || shape.contains(0L)) {
      throw new ModelFileException(
          directory,
          "tensor '" + to + "' shape",
          shape.toString(),
          "must be 1 to 4 positive sizes");
    }
    sources.add(new TensorSource(to, target.type(), shape.reversed(), target.data()));
  }

  private CheckpointTensor get(String name) {
    SafetensorsTensor tensor = checkpoint.get(name);
    if (tensor == null) {
      throw new ModelFileException(directory, "tensor '" + name + "'", "", "is missing");
    }
    taken.add(name);
    return new CheckpointTensor(directory, tensor);
  }

  /**
   * Checks that a tensor is a matrix.
   *
   * @param rows required number of rows; 0 for any
   * @param columns required number of columns; 0 for any
   * @return the number of rows
   */
  public int requireMatrix(String from, int rows, int columns) {
    CheckpointTensor tensor = get(from);
    tensor.requireMatrix(rows, columns);
    return (int) tensor.size(0);
  }

  /** Takes a tensor of one element. */
  public float number(String from) {
    CheckpointTensor tensor = get(from);
    tensor.type();
    long elements = tensor.data().byteSize() / tensor.tensor().dtype().bytes();
    tensor.require(elements == 1, "must have one element");
    return tensor.tensor().element(0);
  }

  @Override
  public void ignore(String from) {
    taken.add(from);
  }

  @Override
  public void ignoreAll(String prefix) {
    checkpoint.keySet().stream().filter(name -> name.startsWith(prefix)).forEach(taken::add);
  }

  /**
   * Completes the collection.
   *
   * @throws UnsupportedModelException if the checkpoint has a tensor that was not taken
   */
  public List<TensorSource> finish() {
    for (String name : checkpoint.keySet()) {
      if (!taken.contains(name)) {
        throw new UnsupportedModelException(
            directory, "tensor '" + name + "'", "the architecture does not have it here");
      }
    }
    return List.copyOf(sources);
  }
}
