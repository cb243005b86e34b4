package dev.vidrio.kernel.java.scalar;

import static dev.vidrio.kernel.java.memory.StateLayer.SPAN;

import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.java.memory.StateLayer;
import dev.vidrio.kernel.java.runtime.Recurrence;
import java.lang.foreign.MemorySegment;

/** The recurrence, as defined by docs/numerics.md, token by token. Columns are those of values. */
public class ScalarRecurrence {
  protected final Recurrence recurrence;
  protected final MemorySegment memory;
  protected final int dK;
  protected final int dV;
  protected final boolean skips;

  // The current token: indices of its state and operands, its position in the span, and the
  // weights of the span's updates for its key and its query.
  protected long state;
  protected long keyRow;
  protected long valueRow;
  protected int t;
  protected float beta;
  protected float decay;
  protected float skip;
  protected final float[] byKey = new float[SPAN];
  protected final float[] byQuery = new float[SPAN];

  protected ScalarRecurrence(Recurrence recurrence) {
    this.recurrence = recurrence;
    this.memory = recurrence.states().memory();
    this.dK = recurrence.states().shape().dK();
    this.dV = recurrence.states().shape().dV();
    this.skips = recurrence.op().skip() != null;
  }

  /** Computes heads [begin, end), for all tokens. */
  public final void run(Batch batch, int begin, int end) {
    StateLayer states = recurrence.states();
    for (int head = begin; head < end; head++) {
      for (int i = 0; i < batch.tokenCount(); i++) {
        state = states.state(batch, batch.sequence(i), head);
        if (states.begin(state, batch.position(i))) {
          advance();
        }
        read(i, head, batch.position(i) % SPAN);
        columns(0, dV);
      }
    }
  }

  protected final float key(int i, int position) {
    return Elements.get(memory, recurrence.states().keys(state) + (long) i * SPAN + position);
  }

  /** Returns the index of the update of a position of the span. */
  protected final long update(int position) {
    return recurrence.states().updates(state) + (long) position * dV;
  }

  private float decay(int position) {
    return Elements.get(memory, recurrence.states().decays(state) + position);
  }

  /** Adds the updates of a span to the state. */
  private void advance() {
    var weights = new float[SPAN];
    float all = ScalarMath.exp(decay(SPAN - 1));
    for (int i = 0; i < dK; i++) {
      for (int j = 0; j < SPAN; j++) {
        weights[j] = ScalarMath.exp(decay(SPAN - 1) - decay(j)) * key(i, j);
      }
      advance(i, all, weights, 0, dV);
    }
  }

  /** Updates columns [begin, end) of row i of the state. */
  protected void advance(int i, float all, float[] weights, int begin, int end) {
    for (int c = begin; c < end; c++) {
      long at = state + (long) i * dV + c;
      float sum = Elements.get(memory, at) * all;
      for (int j = 0; j < SPAN; j++) {
        sum = Math.fma(weights[j], Elements.get(memory, update(j) + c), sum);
      }
      Elements.set(memory, at, sum);
    }
  }

  /** Stores a token's key and decay, and computes its weights. */
  private void read(int token, int head, int position) {
    keyRow = recurrence.keyRow(token, head);
    valueRow = recurrence.valueRow(token, head);
    t = position;
    long number = recurrence.number(token, head);
    beta = Elements.get(recurrence.inputs().beta(), number);
    float a = Elements.get(recurrence.op().a().data(), head);
    skip = recurrence.skip(head);
    float sum =
        Math.fma(a, Elements.get(recurrence.inputs().step(), number), t == 0 ? 0 : decay(t - 1));
    Elements.set(memory, recurrence.states().decays(state) + t, sum);
    decay = ScalarMath.exp(sum);
    long keys = recurrence.states().keys(state);
    for (int i = 0; i < dK; i++) {
      Elements.set(
          memory, keys + (long) i * SPAN + t, Elements.get(recurrence.inputs().k(), keyRow + i));
    }
    for (int j = 0; j <= t; j++) {
      float kept = ScalarMath.exp(sum - decay(j));
      byKey[j] = dot(recurrence.inputs().k(), j) * kept;
      byQuery[j] = dot(recurrence.inputs().q(), j) * kept;
    }
  }

  private float dot(MemorySegment x, int position) {
    float sum = 0;
    for (int i = 0; i < dK; i++) {
      sum = Math.fma(Elements.get(x, keyRow + i), key(i, position), sum);
    }
    return sum;
  }

  /** Computes columns [begin, end) of the token's update and result. */
  protected void columns(int begin, int end) {
    for (int c = begin; c < end; c++) {
      float v = Elements.get(recurrence.inputs().v(), valueRow + c);
      float residual = recurrence.delta() ? v - sum(recurrence.inputs().k(), byKey, t, c) : v;
      Elements.set(memory, update(t) + c, beta * residual);
      float z = sum(recurrence.inputs().q(), byQuery, t + 1, c);
      Elements.set(recurrence.z(), valueRow + c, skips ? Math.fma(skip, v, z) : z);
    }
  }

  /** Returns the product of a row of x with column c of the state plus weighted updates [0, n). */
  private float sum(MemorySegment x, float[] weights, int n, int c) {
    float sum = 0;
    for (int i = 0; i < dK; i++) {
      float element = Elements.get(x, keyRow + i);
      sum = Math.fma(element, Elements.get(memory, state + (long) i * dV + c), sum);
    }
    sum *= decay;
    for (int j = 0; j < n; j++) {
      sum = Math.fma(weights[j], Elements.get(memory, update(j) + c), sum);
    }
    return sum;
  }
}
