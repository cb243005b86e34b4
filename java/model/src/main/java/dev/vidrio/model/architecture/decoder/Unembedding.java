package dev.vidrio.model.architecture.decoder;

import dev.vidrio.model.block.Sublayer;
import dev.vidrio.model.block.Transformer;
import java.util.function.Function;

/** The sublayer from the final norm to the logits. */
@FunctionalInterface
public interface Unembedding {
  /** The projection alone. */
  Unembedding PLAIN = Transformer::unembedding;

  /** Reads what it needs and returns the sublayer. */
  Sublayer of(Transformer model);

  /**
   * Returns softly capped logits.
   *
   * @param fallback the cap unless the file says otherwise; 0 for none
   */
  static Unembedding capped(float fallback) {
    return model ->
        model.cappedUnembedding(model.params().cap("final_logit_softcapping", fallback));
  }

  /** Returns logits times a factor of the model. */
  static Unembedding scaled(Function<Transformer, Float> factor) {
    return model -> model.unembedding().then("unscaled", model.scale(factor.apply(model)));
  }
}
