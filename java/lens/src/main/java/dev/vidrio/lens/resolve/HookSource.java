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
  List<Buffer> captured();

  /** Returns the elements of a row, for points with one row per token. */
  default int width() {
    return captured().getFirst().width();
  }

  /** Returns the norm or attention that the point is within, or null if the plan writes it. */
  default @Nullable Op whole() {
    return null;
  }

  /** An activation of the plan. */
  record Written(Buffer buffer) implements HookSource {
    @Override
    public List<Buffer> captured() {
      return List.of(buffer);
    }
  }

  /** The divisor of a norm over x. */
  record NormScale(Op.Norm norm, Buffer x) implements HookSource {
    @Override
    public List<Buffer> captured() {
      return List.of(x);
    }

    @Override
    public Op whole() {
      return norm;
    }
  }

  /** A norm over x, before its gain. */
  record Normalized(Op.Norm norm, Buffer x) implements HookSource {
    @Override
    public List<Buffer> captured() {
      return List.of(x);
    }

    @Override
    public Op whole() {
      return norm;
    }
  }

  /** The scores of attention, or their softmax, the pattern. */
  record Scores(SequenceOp.Attention attention, Buffer k, boolean pattern) implements HookSource {
    @Override
    public List<Buffer> captured() {
      return List.of(attention.q(), k);
    }

    @Override
    public Op whole() {
      return attention;
    }
  }

  /** Scores or patterns that the plan writes, [n, H, P]. */
  record HeadRows(Buffer buffer, int heads) implements HookSource {
    @Override
    public List<Buffer> captured() {
      return List.of(buffer);
    }
  }

  /**
   * The contributions of heads to the output of attention.
   *
   * @param heads H
   * @param output W_O, [d, H · d_h]
   */
  record HeadResults(Buffer z, int heads, Weights output) implements HookSource {
    @Override
    public List<Buffer> captured() {
      return List.of(z);
    }

    @Override
    public int width() {
      return output.n();
    }
  }
}
