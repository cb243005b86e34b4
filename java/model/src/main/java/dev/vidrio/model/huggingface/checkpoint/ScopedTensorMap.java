package dev.vidrio.model.huggingface.checkpoint;

import java.util.List;

/**
 * Adds prefixes to the names of another map.
 *
 * @param fromPrefix prefix of names in the checkpoint
 * @param toPrefix prefix of names in GGUF
 */
record ScopedTensorMap(TensorMap map, String fromPrefix, String toPrefix) implements TensorMap {
  @Override
  public boolean has(String from) {
    return map.has(fromPrefix + from);
  }

  @Override
  public void take(List<String> from, String to, Layout layout) {
    map.take(from.stream().map(fromPrefix::concat).toList(), toPrefix + to, layout);
  }

  @Override
  public void ignore(String from) {
    map.ignore(fromPrefix + from);
  }

  @Override
  public void ignoreAll(String prefix) {
    map.ignoreAll(fromPrefix + prefix);
  }
}
