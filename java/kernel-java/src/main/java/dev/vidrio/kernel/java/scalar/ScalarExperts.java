package dev.vidrio.kernel.java.scalar;

import dev.vidrio.kernel.java.memory.Elements;
import dev.vidrio.kernel.op.ExpertOp;
import java.lang.foreign.MemorySegment;

/** Routing to experts, as defined by docs/numerics.md. */
public final class ScalarExperts {
  /** The maximum relative distance of a logit that shares the weight of a slot (sparse mixer). */
  private static final float SPARSE_MIXER_JITTER = 0.02f;

  private ScalarExperts() {}

  /** Returns the expert of a slot, counted over all rows, or −1 if an edit made it invalid. */
  public static int expert(MemorySegment experts, long slot, int count) {
    float number = Elements.get(experts, slot);
    return number >= 0 && number < count && number == (int) number ? (int) number : -1;
  }

  /** Computes the routes of a row. */
  public static void route(
      ExpertOp.Route op,
      MemorySegment logits,
      MemorySegment experts,
      MemorySegment weights,
      int row) {
    int k = op.experts().width();
    int count = op.logits().width();
    long at = (long) row * count;
    float M = max(logits, at, count);
    boolean overAll = op.over() == ExpertOp.RouteOver.ALL;
    float all =
        overAll || op.bias() != null ? divisorOfAll(op.score(), logits, at, count, M) : Float.NaN;
    var rank = new float[count];
    for (int e = 0; e < count; e++) {
      float logit = Elements.get(logits, at + e);
      rank[e] =
          op.bias() == null
              ? logit
              : score(op.score(), logit, M) / all + Elements.get(op.bias().data(), e);
    }
    ExpertOp.Groups groups = op.groups();
    if (groups != null) {
      excludeGroups(groups, rank);
    }
    int[] chosen = choose(rank, k);
    if (op.over() == ExpertOp.RouteOver.SPARSE_MIXER) {
      weighSparseMixer(logits, at, count, chosen, experts, weights, (long) row * k);
      return;
    }
    var scores = new float[k];
    float L = 0;
    for (int slot = 0; slot < k; slot++) {
      scores[slot] = score(op.score(), Elements.get(logits, at + chosen[slot]), M);
      L += scores[slot];
    }
    L = overAll ? all : L;
    for (int slot = 0; slot < k; slot++) {
      Elements.set(experts, (long) row * k + slot, chosen[slot]);
      Elements.set(weights, (long) row * k + slot, scores[slot] / L);
    }
  }

  /** Computes the sparse-mixer weights of a row. */
  private static void weighSparseMixer(
      MemorySegment logits,
      long at,
      int count,
      int[] chosen,
      MemorySegment experts,
      MemorySegment weights,
      long slots) {
    var sum = new LaneSum();
    var earlier = new boolean[count];
    for (int slot = 0; slot < chosen.length; slot++) {
      int own = chosen[slot];
      Elements.set(experts, slots + slot, own);
      float M = Elements.get(logits, at + own);
      sum.clear();
      for (int e = 0; e < count; e++) {
        float logit = Elements.get(logits, at + e);
        if (!earlier[e] && withinThreshold(logit, M)) {
          sum.add(e, ScalarMath.exp(logit - M));
        }
      }
      earlier[own] = true;
      Elements.set(weights, slots + slot, 1 / sum.merge());
    }
  }

  /** Returns whether a logit is within the threshold of a slot's logit, which is not smaller. */
  static boolean withinThreshold(float logit, float slotLogit) {
    float size = Math.abs(logit) > slotLogit ? Math.abs(logit) : slotLogit;
    return !((slotLogit - logit) / size > SPARSE_MIXER_JITTER);
  }

  /** Sets the rank of experts outside of the selected groups to −∞. */
  private static void excludeGroups(ExpertOp.Groups groups, float[] rank) {
    int size = rank.length / groups.count();
    var group = new float[groups.count()];
    for (int g = 0; g < group.length; g++) {
      group[g] = rankOfGroup(groups.rank(), rank, g * size, size);
    }
    var kept = new boolean[group.length];
    for (int g : choose(group, groups.used())) {
      kept[g] = true;
    }
    for (int e = 0; e < rank.length; e++) {
      rank[e] = kept[e / size] ? rank[e] : Float.NEGATIVE_INFINITY;
    }
  }

  private static float rankOfGroup(ExpertOp.GroupRank kind, float[] rank, int begin, int size) {
    float first = rank[begin];
    float second = Float.NEGATIVE_INFINITY;
    for (int e = begin + 1; e < begin + size; e++) {
      float less = rank[e] > first ? first : rank[e];
      first = rank[e] > first ? rank[e] : first;
      second = less > second ? less : second;
    }
    return kind == ExpertOp.GroupRank.MAX ? first : first + second;
  }

  /** Returns a score before its division by a sum; for softmax, exp(logit − M). */
  private static float score(ExpertOp.RouteScore score, float logit, float M) {
    return switch (score) {
      case SOFTMAX -> ScalarMath.exp(logit - M);
      case SIGMOID -> ScalarMath.sigmoid(logit);
    };
  }

  /** Returns the divisor that normalizes scores over all experts. */
  private static float divisorOfAll(
      ExpertOp.RouteScore score, MemorySegment logits, long at, int count, float M) {
    return switch (score) {
      case SOFTMAX -> sumOfAll(logits, at, count, M);
      case SIGMOID -> 1;
    };
  }

  /** Returns the k experts of highest rank, in descending order; of equal ones the lower first. */
  private static int[] choose(float[] rank, int k) {
    var chosen = new int[k];
    int n = 0;
    for (int e = 0; e < rank.length; e++) {
      int slot = n;
      while (slot > 0 && rank[e] > rank[chosen[slot - 1]]) {
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

  /** Returns the maximum logit of a row. */
  static float max(MemorySegment logits, long at, int count) {
    float M = Elements.get(logits, at);
    for (int e = 1; e < count; e++) {
      float logit = Elements.get(logits, at + e);
      M = logit > M ? logit : M;
    }
    return M;
  }

  static float sumOfAll(MemorySegment logits, long at, int count, float M) {
    var sum = new LaneSum();
    for (int e = 0; e < count; e++) {
      sum.add(e, ScalarMath.exp(Elements.get(logits, at + e) - M));
    }
    return sum.merge();
  }
}
