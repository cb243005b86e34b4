package dev.vidrio.model.evaluation;

import dev.vidrio.error.InvalidInputException;
import java.util.Arrays;

/**
 * Shortens embeddings: the first dimensions of a vector are an embedding of their own if the model
 * was trained so (Kusupati et al. 2022, arXiv 2205.13147), as Qwen3-Embedding, EmbeddingGemma and
 * nomic-embed-text 1.5 were. Vectors of other models may be shortened too, at a higher loss. The
 * parameter {@code dimensions} of OpenAI's API.
 */
public final class Matryoshka {
  private Matryoshka() {}

  /**
   * Checks a number of dimensions.
   *
   * @param width the model's number of dimensions
   * @throws InvalidInputException if it is not from 1 to the model's
   */
  public static void check(int dimensions, int width) {
    if (dimensions < 1 || dimensions > width) {
      throw new InvalidInputException("dimensions", dimensions, "must be 1 to " + width);
    }
  }

  /**
   * Returns the first dimensions of a vector.
   *
   * @param vector the embedding [d]
   * @param dimensions the number of dimensions to keep
   * @param normalize if true, the result is divided by its Euclidean length, as it must be if the
   *     vector had length 1
   * @throws InvalidInputException if {@code dimensions} is not from 1 to d
   */
  public static float[] shorten(float[] vector, int dimensions, boolean normalize) {
    check(dimensions, vector.length);
    if (dimensions == vector.length) {
      return vector;
    }
    float[] result = Arrays.copyOf(vector, dimensions);
    return normalize ? Embeddings.normalized(result) : result;
  }
}
