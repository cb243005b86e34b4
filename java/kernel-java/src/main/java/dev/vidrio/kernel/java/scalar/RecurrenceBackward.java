package dev.vidrio.kernel.java.scalar;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.java.runtime.Recurrence;
import dev.vidrio.kernel.op.SequenceOp;
import java.lang.foreign.MemorySegment;

/**
 * The backward operation of a recurrence, as defined by docs/numerics.md, over all pairs of
 * positions of a sequence.
 */
public final class RecurrenceBackward {
  private final Recurrence recurrence;
  private final MemorySegment residual;
  private final SequenceOp.Recurrence.Inputs<MemorySegment> d;
  private final int dK;
  private final int dV;

  // The current sequence and value head: its first row, the logarithms of the decays up to each
  // position, and their gradients.
  private int first;
  private int head;
  private double[] decays = {};
  private double[] rates = {};

  public RecurrenceBackward(
      Recurrence recurrence,
      MemorySegment residual,
      SequenceOp.Recurrence.Inputs<MemorySegment> gradients) {
    this.recurrence = recurrence;
    this.residual = residual;
    this.d = gradients;
    this.dK = recurrence.states().shape().dK();
    this.dV = recurrence.states().shape().dV();
  }

  /** Computes a worker's share of the key heads of all sequences. */
  public void run(Batch batch, int worker, int workers) {
    int item = 0;
    for (int begin = 0; begin < batch.tokenCount(); ) {
      int end = begin;
      while (end < batch.tokenCount() && batch.sequence(end) == batch.sequence(begin)) {
        end++;
      }
      for (int keyHead = 0; keyHead < recurrence.states().shape().keyHeads(); keyHead++) {
        if (item++ % workers == worker) {
          run(begin, end - begin, keyHead);
        }
      }
      begin = end;
    }
  }

  private void run(int begin, int n, int keyHead) {
    first = begin;
    decays = new double[n];
    rates = new double[n];
    for (int t = 0; t < n; t++) {
      long row = ((long) (begin + t) * recurrence.states().shape().keyHeads() + keyHead) * dK;
      clear(d.q(), row, dK);
      clear(d.k(), row, dK);
    }
    for (head = 0; head < recurrence.heads(); head++) {
      if (recurrence.keyHead(head) == keyHead) {
        findDecays();
        findResiduals();
        differentiate();
      }
    }
  }

  private static void clear(MemorySegment x, long row, int n) {
    x.asSlice(row * Float.BYTES, (long) n * Float.BYTES).fill((byte) 0);
  }

  private long key(int t) {
    return recurrence.keyRow(first + t, head);
  }

  private long value(int t) {
    return recurrence.valueRow(first + t, head);
  }

  private long number(int t) {
    return recurrence.number(first + t, head);
  }

  private float a() {
    return Elements.get(recurrence.op().a().data(), head);
  }

  private float beta(int t) {
    return Elements.get(recurrence.inputs().beta(), number(t));
  }

  /** Returns the share of the update of position s that remains at position t. */
  private float kept(int t, int s) {
    return ScalarMath.exp((float) (decays[t] - decays[s]));
  }

  private void findDecays() {
    double sum = 0;
    for (int t = 0; t < decays.length; t++) {
      sum += (double) a() * Elements.get(recurrence.inputs().step(), number(t));
      decays[t] = sum;
      rates[t] = 0;
    }
  }

  private void findResiduals() {
    for (int t = 0; t < decays.length; t++) {
      clear(residual, value(t), dV);
      for (int s = 0; recurrence.delta() && s < t; s++) {
        float product = dot(recurrence.inputs().k(), key(t), recurrence.inputs().k(), key(s), dK);
        add(residual, value(t), product * (kept(t, s) * beta(s)), residual, value(s), dV);
      }
      for (int c = 0; c < dV; c++) {
        float predicted = Elements.get(residual, value(t) + c);
        Elements.set(
            residual,
            value(t) + c,
            Elements.get(recurrence.inputs().v(), value(t) + c) - predicted);
      }
    }
  }

  private void differentiate() {
    for (int s = decays.length - 1; s >= 0; s--) {
      clear(d.v(), value(s), dV);
      for (int t = s; t < decays.length; t++) {
        pair(t, s);
      }
      Elements.set(d.beta(), number(s), dot(d.v(), value(s), residual, value(s), dV));
      for (int c = 0; c < dV; c++) {
        Elements.set(d.v(), value(s) + c, Elements.get(d.v(), value(s) + c) * beta(s));
      }
    }
    double sum = 0;
    for (int t = decays.length - 1; t >= 0; t--) {
      if (recurrence.op().skip() != null) {
        add(d.v(), value(t), recurrence.skip(head), recurrence.z(), value(t), dV);
      }
      sum += rates[t];
      Elements.set(d.step(), number(t), a() * (float) sum);
    }
  }

  /**
   * Adds the gradients of the contribution of position s to position t. The gradient dv of s is not
   * multiplied by beta yet, and no dv contains the term of the skip yet.
   */
  private void pair(int t, int s) {
    float kept = kept(t, s);
    float weight = kept * beta(s);
    float product = dot(recurrence.inputs().q(), key(t), recurrence.inputs().k(), key(s), dK);
    float g = weight * dot(recurrence.z(), value(t), residual, value(s), dV);
    float rate = g * product;
    add(d.v(), value(s), kept * product, recurrence.z(), value(t), dV);
    add(d.q(), key(t), g, recurrence.inputs().k(), key(s), dK);
    add(d.k(), key(s), g, recurrence.inputs().q(), key(t), dK);
    if (t == s) {
      return;
    }
    if (recurrence.delta()) {
      product = dot(recurrence.inputs().k(), key(t), recurrence.inputs().k(), key(s), dK);
      g = -(weight * dot(d.v(), value(t), residual, value(s), dV));
      rate = Math.fma(g, product, rate);
      add(d.v(), value(s), -(kept * product), d.v(), value(t), dV);
      add(d.k(), key(t), g, recurrence.inputs().k(), key(s), dK);
      add(d.k(), key(s), g, recurrence.inputs().k(), key(t), dK);
    }
    rates[t] += rate;
    rates[s] -= rate;
  }

  private static float dot(MemorySegment x, long xRow, MemorySegment y, long yRow, int n) {
    var sum = new LaneSum();
    for (int i = 0; i < n; i++) {
      sum.fma(i, Elements.get(x, xRow + i), Elements.get(y, yRow + i));
    }
    return sum.merge();
  }

  /** Adds {@code weight · x} to y, rounded once per element. */
  private static void add(
      MemorySegment y, long yRow, float weight, MemorySegment x, long xRow, int n) {
    for (int i = 0; i < n; i++) {
      float sum = Math.fma(weight, Elements.get(x, xRow + i), Elements.get(y, yRow + i));
      Elements.set(y, yRow + i, sum);
    }
  }
}
