package dev.vidrio.kernel.java.scalar;

import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.op.ExpertOp;
import java.lang.foreign.MemorySegment;

/** route and expert_sum of docs/numerics.md. */
final class ScalarExperts {
  private final LaneSum sum = new LaneSum();

  /** Routes of a row. */
  void route(
      ExpertOp.Route op,
      MemorySegment logits,
      MemorySegment experts,
      MemorySegment weights,
      int row) {
    int k = op.experts().width();
    int count = op.logits().width();
    int[] chosen = choose(logits, (long) row * count, count, k);
    float M = Elements.get(logits, (long) row * count + chosen[0]);
    var e = new float[k];
    float L = 0;
    for (int slot = 0; slot < k; slot++) {
      e[slot] = ScalarMath.exp(Elements.get(logits, (long) row * count + chosen[slot]) - M);
      L += e[slot];
    }
    if (op.over() == ExpertOp.RouteOver.ALL) {
      L = sumOfAll(logits, (long) row * count, count, M);
    }
    for (int slot = 0; slot < k; slot++) {
      Elements.set(experts, (long) row * k + slot, chosen[slot]);
      Elements.set(weights, (long) row * k + slot, e[slot] / L);
    }
  }

  /** Inserts each expert into the k best so far, after all whose logits are not less. */
  private static int[] choose(MemorySegment logits, long at, int count, int k) {
    var chosen = new int[k];
    int n = 0;
    for (int e = 0; e < count; e++) {
      float logit = Elements.get(logits, at + e);
      int slot = n;
      while (slot > 0 && logit > Elements.get(logits, at + chosen[slot - 1])) {
        slot--;
      }
      n = Math.min(n + 1, k);
      if (slot < k) {
        System.arraycopy(chosen, slot, chosen, slot + 1, n - 1 - slot);
        chosen[slot] = e;
      }
    }
    return chosen;
  }

  float sumOfAll(MemorySegment logits, long at, int count, float M) {
    sum.clear();
    for (int e = 0; e < count; e++) {
      sum.add(e, ScalarMath.exp(Elements.get(logits, at + e) - M));
    }
    return sum.merge();
  }

  /** The weighted sum of a row's slots. */
  static void sum(
      ExpertOp.ExpertSum op, MemorySegment x, MemorySegment weights, MemorySegment y, int row) {
    int k = op.slots();
    int d = op.y().width();
    for (int i = 0; i < d; i++) {
      float acc = 0;
      for (int slot = 0; slot < k; slot++) {
        long at = (long) row * k + slot;
        float product = Elements.get(weights, at) * Elements.get(x, at * d + i);
        acc = slot == 0 ? product : acc + product;
      }
      Elements.set(y, (long) row * d + i, acc);
    }
  }
}
