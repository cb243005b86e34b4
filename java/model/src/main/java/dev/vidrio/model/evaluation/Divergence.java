package dev.vidrio.model.evaluation;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.safetensors.Dtype;
import dev.vidrio.formats.safetensors.Safetensors;
import dev.vidrio.formats.safetensors.SafetensorsTensor;
import dev.vidrio.model.sampling.LogProbability;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The Kullback-Leibler divergence {@code Σ p · (log p − log q)}, in nats, of a model's predictions
 * q from those of a reference p, for example of a quantized model from the original.
 *
 * @param mean the mean over all positions
 * @param error the standard error of the mean
 * @param max the maximum over all positions
 * @param maxPosition the position of the maximum
 * @param sameTop the fraction of positions with the same most likely token
 * @param positions the number of positions
 */
public record Divergence(
    double mean, double error, double max, int maxPosition, double sameTop, int positions) {

  /**
   * Compares two files with {@code logits} [n, V] f32 and {@code tokens} [n], row by row.
   *
   * @throws ModelFileException if a file cannot be read or lacks a tensor, or if the files have
   *     different tokens or vocabularies
   */
  public static Divergence of(Path reference, Path candidate) {
    try (Arena arena = Arena.ofShared()) {
      Safetensors expected = Safetensors.open(reference, arena);
      Safetensors actual = Safetensors.open(candidate, arena);
      SafetensorsTensor p = logits(expected);
      SafetensorsTensor q = logits(actual);
      if (!p.shape().equals(q.shape())) {
        throw fault(actual, "tensor 'logits'", q.shape().toString(), "must be " + p.shape());
      }
      if (tensor(expected, "tokens").data().mismatch(tensor(actual, "tokens").data()) >= 0) {
        throw fault(actual, "tensor 'tokens'", "", "must be those of " + expected.name());
      }
      return of(p, q);
    }
  }

  private static SafetensorsTensor logits(Safetensors file) {
    SafetensorsTensor logits = tensor(file, "logits");
    List<Long> shape = logits.shape();
    if (logits.dtype() != Dtype.F32
        || shape.size() != 2
        || shape.get(0) == 0
        || shape.get(0) > Integer.MAX_VALUE
        || shape.get(1) == 0) {
      throw fault(file, "tensor 'logits'", logits.dtype() + " " + shape, "must be F32 [n, V]");
    }
    return logits;
  }

  private static SafetensorsTensor tensor(Safetensors file, String name) {
    return file.find(name)
        .orElseThrow(() -> fault(file, "tensor '" + name + "'", "", "is missing"));
  }

  private static ModelFileException fault(
      Safetensors file, String field, String value, String limit) {
    return new ModelFileException(file.name(), field, value, limit);
  }

  private static Divergence of(SafetensorsTensor reference, SafetensorsTensor candidate) {
    int n = Math.toIntExact(reference.shape().getFirst());
    long bytes = reference.shape().get(1) * Float.BYTES;
    double[] kld = new double[n];
    boolean[] same = new boolean[n];
    IntStream.range(0, n)
        .parallel()
        .forEach(
            i -> {
              MemorySegment p = reference.data().asSlice(i * bytes, bytes);
              MemorySegment q = candidate.data().asSlice(i * bytes, bytes);
              kld[i] = divergence(p, q);
              same[i] = argmax(p) == argmax(q);
            });
    double sum = 0;
    double squares = 0;
    int top = 0;
    int max = 0;
    for (int i = 0; i < n; i++) {
      sum += kld[i];
      squares += kld[i] * kld[i];
      top += same[i] ? 1 : 0;
      max = kld[i] > kld[max] ? i : max;
    }
    double mean = sum / n;
    double error = Math.sqrt(Math.max(0, squares / n - mean * mean) / Math.max(1, n - 1));
    return new Divergence(mean, error, kld[max], max, (double) top / n, n);
  }

  /** Returns the divergence of softmax(q) from softmax(p), in nats, for f32 logits [V]. */
  public static double divergence(MemorySegment p, MemorySegment q) {
    double logSumP = LogProbability.logSum(p);
    double logSumQ = LogProbability.logSum(q);
    double sum = 0;
    for (long w = 0; w < p.byteSize() / Float.BYTES; w++) {
      double logP = p.getAtIndex(JAVA_FLOAT, w) - logSumP;
      double logQ = q.getAtIndex(JAVA_FLOAT, w) - logSumQ;
      double probability = Math.exp(logP);
      sum += probability > 0 ? probability * (logP - logQ) : 0;
    }
    return sum;
  }

  private static long argmax(MemorySegment logits) {
    long best = 0;
    for (long w = 1; w < logits.byteSize() / Float.BYTES; w++) {
      if (logits.getAtIndex(JAVA_FLOAT, w) > logits.getAtIndex(JAVA_FLOAT, best)) {
        best = w;
      }
    }
    return best;
  }
}
