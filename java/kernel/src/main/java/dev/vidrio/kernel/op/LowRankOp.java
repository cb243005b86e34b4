package dev.vidrio.kernel.op;

import static dev.vidrio.kernel.op.Shapes.require;
import static dev.vidrio.kernel.op.Shapes.requireSame;

import dev.vidrio.kernel.weight.LowRankTable;
import java.util.List;

/**
 * The low-rank updates that adapters add to products, for each sequence of the batch its own or
 * none (LoRA: Hu et al. 2021, arXiv 2106.09685). The down projection comes before the product. The
 * up projection comes after it, in its chain, so workers wait only for the few results of the
 * first.
 */
public sealed interface LowRankOp extends Op {
  /**
   * {@code t = s · A · u}, where s is the scale of the adapter times the strength of the sequence.
   *
   * @param matrix the index in the table of the matrix that u is multiplied with
   * @param t [rows, greatest rank]; what lies beyond an adapter's rank is left as it is
   */
  record Down(Buffer u, LowRankTable table, int matrix, Buffer t) implements LowRankOp {
    public Down {
      require(u.rows() == t.rows() && t.width() == table.maxRank(), t, "shape");
      require(u.width() == table.matrix(matrix).k(), t, "width of " + u.name());
    }

    @Override
    public List<Operand> reads() {
      return List.of(u);
    }

    @Override
    public List<Operand> writes() {
      return List.of(t);
    }
  }

  /** {@code y = x + B · t}, and x bit for bit where a row's sequence has no adapter. */
  record Up(Buffer x, Buffer t, LowRankTable table, int matrix, Buffer y) implements LowRankOp {
    public Up {
      requireSame(x, y);
      require(t.rows() == y.rows() && t.width() == table.maxRank(), y, "shape of " + t.name());
      require(y.width() == table.matrix(matrix).n(), y, "width");
    }

    @Override
    public List<Operand> reads() {
      return List.of(x, t);
    }

    @Override
    public List<Operand> writes() {
      return List.of(y);
    }
  }
}
