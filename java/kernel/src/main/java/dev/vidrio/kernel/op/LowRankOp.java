package dev.vidrio.kernel.op;

import static dev.vidrio.kernel.op.Access.Scope.ELEMENT;
import static dev.vidrio.kernel.op.Access.Scope.ROW;
import static dev.vidrio.kernel.op.Access.read;
import static dev.vidrio.kernel.op.Access.write;
import static dev.vidrio.kernel.op.Shapes.require;
import static dev.vidrio.kernel.op.Shapes.requireSame;

import dev.vidrio.kernel.weight.LowRankTable;
import java.util.List;

/**
 * The low-rank updates that adapters add to matrix products (LoRA: Hu et al. 2021, arXiv
 * 2106.09685). Each sequence of the batch has its own adapter or none. The down-projection runs
 * before the product; the up-projection runs in the epilogue of the product, so that workers wait
 * only for the few results of the down-projection.
 */
public sealed interface LowRankOp extends Op {
  /**
   * Computes {@code t = s · A · u}, where s is the scale of the adapter times the strength of the
   * sequence.
   *
   * @param matrix index in the table of the matrix that u is multiplied with
   * @param t [rows, maximum rank]; elements beyond the rank of a row's adapter are not written
   */
  record Down(Buffer u, LowRankTable table, int matrix, Buffer t) implements LowRankOp {
    public Down {
      requireMatrix(table, matrix, t);
      require(u.rows() == t.rows() && t.width() == table.maxRank(), t, "shape");
      require(u.width() == table.matrix(matrix).k(), t, "width of " + u.name());
    }

    @Override
    public List<Access> accesses() {
      return List.of(read(u, ROW).replicable(), write(t, ROW));
    }
  }

  /** Computes {@code y = x + B · t}; y is x bit for bit if the row's sequence has no adapter. */
  record Up(Buffer x, Buffer t, LowRankTable table, int matrix, Buffer y) implements LowRankOp {
    public Up {
      requireSame(x, y);
      requireMatrix(table, matrix, y);
      require(t.rows() == y.rows() && t.width() == table.maxRank(), y, "shape of " + t.name());
      require(y.width() == table.matrix(matrix).n(), y, "width");
    }

    @Override
    public List<Access> accesses() {
      return List.of(read(x, ELEMENT), read(t, ROW), write(y, ELEMENT));
    }
  }

  private static void requireMatrix(LowRankTable table, int matrix, Buffer y) {
    require(matrix >= 0 && matrix < table.matrices(), y, "matrix " + matrix);
  }
}
