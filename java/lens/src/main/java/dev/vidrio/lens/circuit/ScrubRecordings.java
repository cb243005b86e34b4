package dev.vidrio.lens.circuit;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.vector.Vectors;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The values of a data set's texts that a hypothesis is computed from: the residual streams that
 * claims read, sums of the outputs of claims, and logits. A stream or a sum has 4 · d bytes for
 * each token of each text.
 */
final class ScrubRecordings {
  /** Residual streams, [text][n · d], at the points that claims read. */
  final Map<HookPoint, float[][]> streams = new HashMap<>();

  /** Sums of outputs, [term][text][n · d]. */
  final float[][][] sums;

  /**
   * The heads' weighted values before W_O, [layer][text][n · H · d_h], of layers with computed
   * heads that a norm divides together.
   */
  final float[][][] z;

  /** The logits [positions, V] that each text's metric reads. */
  final float[][] logits;

  private final List<ScrubTree.Term> terms;

  ScrubRecordings(
      List<ScrubTree.Term> terms, Collection<HookPoint> streams, int texts, int layers) {
    this.terms = terms;
    streams.forEach(point -> this.streams.put(point, new float[texts][]));
    this.sums = new float[terms.size()][texts][];
    this.z = new float[layers][texts][];
    this.logits = new float[texts][];
  }

  /**
   * Adds the output of a component to the sums that it is part of.
   *
   * @param claim with the component
   * @param member its index among the components of the claim
   * @param output of a step; it is that of the text from element {@code from} on
   * @param elements of the text, n · d
   */
  void add(String claim, int member, int text, float[] output, int from, int elements) {
    float[] own = Arrays.copyOfRange(output, from, from + elements);
    for (int t = 0; t < terms.size(); t++) {
      ScrubTree.Term term = terms.get(t);
      if (term.claim().equals(claim) && member < term.count()) {
        if (member == 0) {
          sums[t][text] = own.clone();
        } else {
          Vectors.add(sums[t][text], own);
        }
      }
    }
  }
}
