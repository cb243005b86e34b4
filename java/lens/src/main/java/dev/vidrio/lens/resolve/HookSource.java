package dev.vidrio.lens.resolve;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.kernel.weight.Weights;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The source of a hook point's values. */
public sealed interface HookSource {
  /** Returns the activations of the plan that the values are derived from. */
  default List<Buffer> captured() {
    return switch (this) {
      case Written written -> List.of(written.buffer);
      case Norm norm -> List.of(norm.x);
      case Scores scores -> List.of(scores.attention.q(), scores.k);
      case HeadRows rows -> List.of(rows.buffer);
      case HeadResults results -> List.of(results.z);
    };
  }

  /** Returns the elements of a row, for points with one row per token. */
  default int width() {
    return this instanceof HeadResults results ? results.output.n() : captured().getFirst().width();
  }

  /** Returns the norm or attention that the point is within, or null if the plan writes it. */
  default @Nullable Op whole() {
    return switch (this) {
      case Norm norm -> norm.op;
      case Scores scores -> scores.attention;
      default -> null;
    };
  }

  /** An activation of the plan. */
  record Written(Buffer buffer) implements HookSource {}

  /** A norm over x before its gain, or its divisor. */
  record Norm(Op.Norm op, Buffer x, boolean divisor) implements HookSource {}

  /** The scores of attention, or their softmax, the pattern. */
  record Scores(SequenceOp.Attention attention, Buffer k, boolean pattern) implements HookSource {}

  /** Scores or patterns that the plan writes, [n, H, P]. */
  record HeadRows(Buffer buffer, int heads) implements HookSource {}

  /**
   * The contributions of heads to the output of attention.
   *
   * @param heads H
   * @param output W_O, [d, H · d_h]
   */
  record HeadResults(Buffer z, int heads, Weights output) implements HookSource {}
}
