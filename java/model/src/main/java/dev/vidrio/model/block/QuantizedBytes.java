package dev.vidrio.model.block;

import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.gguf.GgufTensor;

/**
 * The bytes of a file's quantized matrices, which about as many packed ones need.
 *
 * @param matrices bytes of those that a layer has one of
 * @param experts bytes of those of experts, which have three dimensions
 * @param expertMatrices number of those of experts
 */
record QuantizedBytes(long matrices, long experts, long expertMatrices) {
  /** Counts the tensors of a file. */
  static QuantizedBytes of(Gguf gguf) {
    long matrices = 0;
    long experts = 0;
    long expertMatrices = 0;
    for (GgufTensor tensor : gguf.tensors()) {
      long bytes = tensor.type().blockElements() > 1 ? tensor.data().byteSize() : 0;
      if (tensor.dim(2) == 1) {
        matrices += bytes;
      } else {
        experts += bytes;
        expertMatrices += bytes > 0 ? tensor.dim(2) : 0;
      }
    }
    return new QuantizedBytes(matrices, experts, expertMatrices);
  }
}
