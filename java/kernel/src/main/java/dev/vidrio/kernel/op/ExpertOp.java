package dev.vidrio.kernel.op;

import static dev.vidrio.kernel.op.Access.Scope.ROW;
import static dev.vidrio.kernel.op.Access.read;
import static dev.vidrio.kernel.op.Access.write;
import static dev.vidrio.kernel.op.Shapes.require;

import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Operations of a mixture of experts (Shazeer et al. 2017, arXiv 1701.06538): each token is routed
 * to k of E experts. Slot s of a token is its s-th expert, so that rows remain those of tokens.
 */
public sealed interface ExpertOp extends Op {
  /** The maximum number of experts of a mixture, {@code VD_EXPERTS_MAX}. */
  int EXPERTS_MAX = 4096;

  /** The maximum number of columns of an expert's matrix, {@code VD_EXPERT_K_MAX}. */
  int K_MAX = 32768;

  /** The function from a router's logits to scores. */
  enum RouteScore {
    SOFTMAX,
    /** The sigmoid of each logit. */
    SIGMOID
  }

  /** The set of experts over which the weights of a token are normalized to a sum of 1. */
  enum RouteOver {
    /** The selected experts. */
    CHOSEN,
    /** All experts for softmax scores; sigmoid scores are not normalized. */
    ALL,
    /**
     * For each slot, the experts with logits close to that of the slot, except the experts of
     * earlier slots; softmax without bias and groups only (sparse mixer: Liu et al. 2024, arXiv
     * 2409.12136).
     */
    SPARSE_MIXER
  }

  /** The rank of a group of experts. */
  enum GroupRank {
    /** The maximum over its experts. */
    MAX,
    /** The sum of the two largest values of its experts. */
    TOP_TWO
  }

  /**
   * Groups of experts of equal size. A token uses only some of them (DeepSeek-AI 2024, arXiv
   * 2405.04434).
   *
   * @param count at most {@value #MAX}
   * @param used number of groups that a token uses: those of highest rank, the lower index first
   */
  record Groups(int count, int used, GroupRank rank) {
    /** The maximum number of groups, {@code VD_EXPERT_GROUPS_MAX}. */
    public static final int MAX = 64;

    private boolean fits(int experts, int slots) {
      return count > 1
          && count <= MAX
          && used > 0
          && used <= count
          && experts % count == 0
          && slots <= used * (experts / count)
          && (rank == GroupRank.MAX || experts / count > 1);
    }
  }

  /**
   * Selects the experts with the largest logits, or, with a bias, the largest sums of score and
   * bias, in descending order; of equal ones the lower index comes first.
   *
   * @param bias [E], which affects the selection but not the weights (Wang et al. 2024, arXiv
   *     2408.15664), or null
   * @param groups groups from which experts are selected, or null
   * @param logits [rows, E]
   * @param experts receives the indices of the experts [rows, k], as floats
   * @param weights receives their weights [rows, k]
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
      require(over != RouteOver.SPARSE_MIXER || plain, weights, "score, bias or groups");
      require(logits.width() <= EXPERTS_MAX, logits, "number of experts");
      require(experts.width() <= logits.width(), experts, "number of slots");
      require(groups == null || groups.fits(logits.width(), experts.width()), logits, "groups");
      Shapes.requireSame(experts, weights);
      require(logits.rows() == experts.rows(), experts, "rows");
    }

    @Override
    public List<Access> accesses() {
      return List.of(read(logits, ROW), write(experts, ROW), write(weights, ROW));
    }
  }

  /**
   * Multiplies each slot by its expert's matrix, and adds the expert's bias: y [rows, k, N].
   *
   * @param matrices one [N, K] per expert, of one type and layout
   * @param bias of all experts [E · N], or null
   * @param experts [rows, k]
   * @param x one row of K for all slots [rows, K], or one per slot [rows, k, K]
   */
  record ExpertMatMul(
      List<Weights> matrices,
      @Nullable Weights bias,
      Buffer experts,
      Operand x,
      Buffer y,
      Arithmetic arithmetic)
      implements ExpertOp {
    public ExpertMatMul {
      matrices = List.copyOf(matrices);
      require(!matrices.isEmpty() && matrices.size() <= EXPERTS_MAX, y, "number of experts");
      Weights first = matrices.getFirst();
      for (Weights w : matrices) {
        boolean same = w.type() == first.type() && w.n() == first.n() && w.k() == first.k();
        require(same && w.layout() == first.layout(), y, "type, shape or layout of " + w.name());
      }
      Shapes.requireVector(bias, y, Math.multiplyExact(matrices.size(), first.n()));
      int k = experts.width();
      boolean quantized = first.type().quantized();
      require(k <= matrices.size(), y, "number of slots");
      boolean quantizes = arithmetic.quantizes(first.type());
      require(x instanceof QuantizedBuffer == quantizes, y, "operand type");
      require(first.layout() == Weights.Layout.PACKED == quantized, y, "weight layout");
      require(x.rows() == y.rows() && experts.rows() == y.rows(), y, "rows");
      require(x.width() == first.k() || x.width() == k * first.k(), y, "width of " + x.name());
      require(first.k() <= K_MAX && y.width() == k * first.n(), y, "shape");
    }

    /** Creates products in {@link Arithmetic#INT8}. */
    public ExpertMatMul(
        List<Weights> matrices, @Nullable Weights bias, Buffer experts, Operand x, Buffer y) {
      this(matrices, bias, experts, x, y, Arithmetic.INT8);
    }

    /** Returns k, the slots of a token. */
    public int slots() {
      return experts.width();
    }

    /** Returns N, the outputs of a slot. */
    public int n() {
      return matrices.getFirst().n();
    }

    /** Returns K, the inputs of a slot. */
    public int k() {
      return matrices.getFirst().k();
    }

    /** Returns the type of all matrices. */
    public WeightType type() {
      return matrices.getFirst().type();
    }

    /** Returns whether the slots of a token share a row of x. */
    public boolean shared() {
      return x.width() == k();
    }

    @Override
    public List<Access> accesses() {
      return List.of(read(experts, ROW), read(x, ROW), write(y, ROW));
    }
  }

  /**
   * Computes the weighted sum of each token's slots: {@code y[i] = Σ weights[i][s] · x[i][s]}.
   *
   * @param x [rows, k, d]
   * @param weights [rows, k]
   */
  record ExpertSum(Buffer x, Buffer weights, Buffer y) implements ExpertOp {
    public ExpertSum {
      require(x.rows() == y.rows() && weights.rows() == y.rows(), y, "rows");
      require(x.width() == weights.width() * y.width(), y, "width of " + x.name());
    }

    /** Returns k, the slots of a token. */
    public int slots() {
      return weights.width();
    }

    @Override
    public List<Access> accesses() {
      return List.of(read(x, ROW), read(weights, ROW), write(y, ROW));
    }
  }
}
