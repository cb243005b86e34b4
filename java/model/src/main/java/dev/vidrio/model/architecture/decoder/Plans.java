package dev.vidrio.model.architecture.decoder;

import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Rotation;
import dev.vidrio.kernel.op.SequenceOp;
import dev.vidrio.model.architecture.Architecture;
import dev.vidrio.model.architecture.Architecture.LongContext;
import dev.vidrio.model.block.ModelDimensions;
import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import java.util.List;

/** Completes plans. */
public final class Plans {
  private Plans() {}

  /**
   * Writes the final norm and the logits and returns the model.
   *
   * @param residual output of the last layer
   * @param logits the unembedding, with what the architecture computes after it
   */
  public static Architecture finish(Transformer model, Buffer residual, Sublayer logits) {
    return finish(model, "output_norm", residual, logits);
  }

  /**
   * Writes the final norm and the logits and returns the model.
   *
   * @param norm tensor of the final norm
   * @param residual output of the last layer
   * @param logits the unembedding, with what the architecture computes after it
   */
  public static Architecture finish(
      Transformer model, String norm, Buffer residual, Sublayer logits) {
    Plan plan = model.finish(norm, residual, logits);
    ModelDimensions dimensions = model.dimensions();
    return new Architecture(
        model.params().architecture(),
        dimensions.d(),
        dimensions.layers(),
        dimensions.heads(),
        dimensions.dExpert(),
        dimensions.vocabulary(),
        dimensions.contextLength(),
        model.weights().bytesPerToken(),
        plan,
        null);
  }

  /**
   * Returns the model with a second plan for long contexts, whose RoPE differs (LongRoPE, arXiv
   * 2402.13753).
   *
   * @param maxShort positions of the longest context that uses the first plan
   * @param longer the rotation in the second plan, of queries and keys alike
   */
  public static Architecture withLongContext(
      Architecture model, int maxShort, Rotation rotation, Rotation longer) {
    if (rotation.equals(longer)) {
      return model;
    }
    Plan plan = model.plan();
    List<Op> ops =
        plan.ops().stream()
            .map(
                op ->
                    op instanceof SequenceOp.Rope r
                        ? new SequenceOp.Rope(longer, r.dH(), r.x(), r.y())
                        : op)
            .toList();
    return new Architecture(
        model.name(),
        model.width(),
        model.layers(),
        model.heads(),
        model.ffnWidth(),
        model.vocabulary(),
        model.contextLength(),
        model.bytesPerToken(),
        plan,
        new LongContext(maxShort, plan.withOps(ops)));
  }
}
