package dev.vidrio.kernel.op;

import static dev.vidrio.kernel.op.Shapes.require;

import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Operations of a mixture of experts (Shazeer et al. 2017, arXiv 1701.06538): each token goes to k
 * of E experts. Slot s of a token is its s-th expert, so that rows stay those of tokens.
 */
public sealed interface ExpertOp extends Op {
  /** Most experts of a mixture, {@code VD_EXPERTS_MAX}. */
  int EXPERTS_MAX = 4096;

  /** Most columns of an expert's matrix, {@code VD_EXPERT_K_MAX}. */
  int K_MAX = 32768;

  /** What a router's logits become. */
  enum RouteScore {
    SOFTMAX,
    /** Of each on its own. */
    SIGMOID
  }

  /** What the weights of a token's experts add up to 1 over. */
  enum RouteOver {
    /** The experts that it goes to. */
    CHOSEN,
    /** All experts, where scores are a softmax; sigmoids stay as they are. */
    ALL,
    /**
     * For each slot the experts whose logits come near to its own, but for those of slots before
     * it; of a softmax, without bias and groups (sparse mixer: Liu et al. 2024, arXiv 2409.12136).
     */
    NEAR
  }

  /** What ranks a group of experts. */
  enum GroupRank {
    /** The greatest of what ranks its experts. */
    GREATEST,
    /** The sum of the two greatest. */
    TWO_GREATEST
  }

  /**
   * Groups of experts of equal size, only some of which a token goes to (DeepSeek-AI 2024, arXiv
   * 2405.04434).
   *
   * @param count at most {@value #MAX}
   * @param used how many: those of the greatest ranks, of equal ones the lower
   */
  record Groups(int count, int used, GroupRank rank) {
    /** Most groups, {@code VD_EXPERT_GROUPS_MAX}. */
    public static final int MAX = 64;

    private boolean fits(int experts, int slots) {
      return count > 1
          && count <= MAX
          && used > 0
          && used <= count
          && experts % count == 0
          && slots <= used * (experts / count)
          && (rank == GroupRank.GREATEST || experts / count > 1);
    }
  }

  /**
   * Chooses the experts with the greatest logits, or where there is a bias the greatest sums of
   * score and bias, in descending order; of equal ones the lower comes first.
   *
   * @param bias [E], which weights do not contain (Wang et al. 2024, arXiv 2408.15664), or null
   * @param groups out of which it chooses, or null
   * @param logits [rows, E]
   * @param experts receives the numbers of the experts [rows, k], as floats
   * @param weights receives their scores [rows, k]
   */
  record Route(
      RouteScore score,
      RouteOver over,
      @Nullable Weights bias,
      @Nullable Groups groups,
      Buffer logits,
      Buffer experts,
      Buffer weights)
      implements ExpertOp {
    public Route {
      Shapes.requireVector(bias, experts, logits.width());
      boolean plain = score == RouteScore.SOFTMAX && bias == null && groups == null;
      require(over != RouteOver.NEAR || plain, weights, "kind");
      require(logits.width() <= EXPERTS_MAX, logits, "number of experts");
      require(experts.width() <= logits.width(), experts, "number of slots");
      require(groups == null || groups.fits(logits.width(), experts.width()), logits, "groups");
      Shapes.requireSame(experts, weights);
      require(logits.rows() == experts.rows(), experts, "rows");
    }

    @Override
    public List<Operand> reads() {
      return List.of(logits);
    }

    @Override
    public List<Operand> writes() {
      return List.of(experts, weights);
    }
  }

  /**
   * Multiplies each slot with its expert's matrix, and adds the expert's bias: y [rows, k, N].
   *
   * @param matrices of each expert [N, K], of one type and layout
   * @param bias of all experts [E · N], or null
   * @param experts [rows, k]
   * @param x a row of K for all slots [rows, K], or one for each [rows, k, K]
   */
  record ExpertMatMul(
      List<Weights> matrices, @Nullable Weights bias, Buffer experts, Operand x, Buffer y)
      implements ExpertOp {
    public ExpertMatMul {
      matrices = List.copyOf(matrices);
      require(!matrices.isEmpty() && matrices.size() <= EXPERTS_MAX, y, "number of experts");
      Weights first = matrices.getFirst();
      for (Weights w : matrices) {
        boolean same = w.type() == first.type() && w.n() == first.n() && w.k() == first.k();
        require(same && w.layout() == first.layout(), y, w.name());
      }
      Shapes.requireVector(bias, y, Math.multiplyExact(matrices.size(), first.n()));
      int k = experts.width();
      boolean quantized = first.type().quantized();
      require(k <= matrices.size(), y, "number of slots");
      require(x instanceof QuantizedBuffer == quantized, y, "operand type");
      require(first.layout() == Weights.Layout.PACKED == quantized, y, "weight layout");
      require(x.rows() == y.rows() && experts.rows() == y.rows(), y, "rows");
      require(x.width() == first.k() || x.width() == k * first.k(), y, "width of " + x.name());
      require(first.k() <= K_MAX && y.width() == k * first.n(), y, "shape");
    }

    /** k, the slots of a token. */
    public int slots() {
      return experts.width();
    }

    /** N, the outputs of a slot. */
    public int n() {
      return matrices.getFirst().n();
    }

    /** K, the inputs of a slot. */
    public int k() {
      return matrices.getFirst().k();
    }

    /** The type of all matrices. */
    public WeightType type() {
      return matrices.getFirst().type();
    }

    /** Whether the slots of a token share a row of x. */
    public boolean shared() {
      return x.width() == k();
    }

    @Override
    public List<Operand> reads() {
      return List.of(experts, x);
    }

    @Override
    public List<Operand> writes() {
      return List.of(y);
    }
  }

  /**
   * Adds the slots of each token up: {@code y[i] = Σ weights[i][s] · x[i][s]}.
   *
   * @param x [rows, k, d]
   * @param weights [rows, k]
   */
  record ExpertSum(Buffer x, Buffer weights, Buffer y) implements ExpertOp {
    public ExpertSum {
      require(x.rows() == y.rows() && weights.rows() == y.rows(), y, "rows");
      require(x.width() == weights.width() * y.width(), y, "width of " + x.name());
    }

    /** k, the slots of a token. */
    public int slots() {
      return weights.width();
    }

    @Override
    public List<Operand> reads() {
      return List.of(x, weights);
    }

    @Override
    public List<Operand> writes() {
      return List.of(y);
    }
  }
}
