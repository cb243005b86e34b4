package dev.vidrio.fuzz.plan;

import dev.vidrio.kernel.Limits;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import dev.vidrio.kernel.op.QuantizedBuffer;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.weight.WeightType;
import dev.vidrio.kernel.weight.Weights;
import java.util.ArrayList;
import java.util.List;

/** Operations that write an activation without reading another one. */
final class Sources {
  private Sources() {}

  /** Returns operations; the last one writes the activation. */
  static List<Op> of(Operand wanted, Limits limits, int variant) {
    List<Op> ops = new ArrayList<>();
    Operand read = wanted;
    if (wanted instanceof QuantizedBuffer y) {
      var x = new Buffer(y.name() + ".f", y.rows(), y.width());
      ops.addFirst(new Op.Quantize(x, y));
      read = x;
    }
    if (read.rows() == Rows.LOGITS) {
      var x = new Buffer(read.name() + ".n", Rows.TOKENS, read.width());
      ops.addFirst(new Op.Gather(x, (Buffer) read));
      read = x;
    }
    Weights table =
        Matrices.of(
            WeightType.F32, Weights.Layout.ROWS, limits.vocabulary(), read.width(), variant);
    ops.addFirst(new Op.Embed(table, Op.EmbedIndex.TOKENS, 0, 0, (Buffer) read));
    return ops;
  }
}
