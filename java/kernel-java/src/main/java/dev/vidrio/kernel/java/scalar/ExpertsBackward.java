package dev.vidrio.kernel.java.scalar;

import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.op.BackwardOp;
import dev.vidrio.kernel.op.ExpertOp;
import java.lang.foreign.MemorySegment;

/** The backward operations of routers and of sums over experts, as defined by docs/numerics.md. */
public final class ExpertsBackward {
  private ExpertsBackward() {}

  /** Computes the gradient with respect to the logits of a row. */
  public static void route(
      BackwardOp.Route op,
      MemorySegment logits,
      MemorySegment experts,
      MemorySegment weights,
      MemorySegment dWeights,
      MemorySegment dLogits,
      int row) {
    int count = op.dLogits().width();
    int k = op.dWeights().width();
    if (op.forward().over() == ExpertOp.RouteOver.SPARSE_MIXER) {
      routeNear(logits, experts, weights, dWeights, dLogits, row, count, k);
      return;
    }
    boolean sigmoid = op.forward().score() == ExpertOp.RouteScore.SIGMOID;
    boolean all = op.forward().over() == ExpertOp.RouteOver.ALL;
    float mean = 0;
    for (long slot = (long) row * k; slot < (row + 1L) * k && !(all && sigmoid); slot++) {
      mean = Math.fma(Elements.get(weights, slot), Elements.get(dWeights, slot), mean);
    }
    long at = (long) row * count;
    float M = ScalarExperts.max(logits, at, count);
    float L = ScalarExperts.sumOfAll(logits, at, count, M);
    for (int e = 0; e < count; e++) {
      float p = ScalarMath.exp(Elements.get(logits, at + e) - M) / L;
      Elements.set(dLogits, at + e, all && !sigmoid ? p * -mean : 0);
    }
    for (long slot = (long) row * k; slot < (row + 1L) * k; slot++) {
      int expert = ScalarExperts.expert(experts, slot, count);
      if (expert < 0) {
        continue;
      }
      long chosen = at + expert;
      float p = Elements.get(weights, slot);
      float dP = Elements.get(dWeights, slot);
      float g = p * (dP - mean);
      if (sigmoid) {
        g *= ScalarMath.sigmoid(-Elements.get(logits, chosen));
      } else if (all) {
        g = Math.fma(p, dP, Elements.get(dLogits, chosen));
      }
      Elements.set(dLogits, chosen, g);
    }
  }

  private static void routeNear(
      MemorySegment logits,
      MemorySegment experts,
      MemorySegment weights,
      MemorySegment dWeights,
      MemorySegment dLogits,
      int row,
      int count,
      int k) {
    long at = (long) row * count;
    long slots = (long) row * k;
    for (int e = 0; e < count; e++) {
      Elements.set(dLogits, at + e, 0);
    }
    var earlier = new boolean[count];
    for (int slot = 0; slot < k; slot++) {
      int own = ScalarExperts.expert(experts, slots + slot, count);
      if (own < 0) {
        continue;
      }
      float weight = Elements.get(weights, slots + slot);
      float g = weight * Elements.get(dWeights, slots + slot);
      float M = Elements.get(logits, at + own);
      for (int e = 0; e < count; e++) {
        float logit = Elements.get(logits, at + e);
        if (!earlier[e] && ScalarExperts.withinThreshold(logit, M)) {
          float p = ScalarMath.exp(logit - M) * weight;
          Elements.set(dLogits, at + e, Math.fma(p, -g, Elements.get(dLogits, at + e)));
        }
      }
      earlier[own] = true;
      Elements.set(dLogits, at + own, Elements.get(dLogits, at + own) + g);
    }
  }

  /** Computes the gradients with respect to a slot, counted over all rows, and its weight. */
  public static void sum(
      BackwardOp.ExpertSum op,
      MemorySegment x,
      MemorySegment weights,
      MemorySegment dy,
      MemorySegment dx,
      MemorySegment dWeights,
      int slot) {
    int d = op.dy().width();
    long row = slot / op.forward().slots();
    var sum = new LaneSum();
    for (int i = 0; i < d; i++) {
      float g = Elements.get(dy, row * d + i);
      long at = (long) slot * d + i;
      Elements.set(dx, at, Elements.get(weights, slot) * g);
      sum.fma(i, g, Elements.get(x, at));
    }
    Elements.set(dWeights, slot, sum.merge());
  }

  /** Computes the sum of a row's slots. */
  public static void slotSum(BackwardOp.SlotSum op, MemorySegment x, MemorySegment y, int row) {
    int d = op.y().width();
    for (int i = 0; i < d; i++) {
      long first = (long) row * op.slots();
      float sum = Elements.get(x, first * d + i);
      for (int slot = 1; slot < op.slots(); slot++) {
        sum += Elements.get(x, (first + slot) * d + i);
      }
      Elements.set(y, (long) row * d + i, sum);
    }
  }
}
