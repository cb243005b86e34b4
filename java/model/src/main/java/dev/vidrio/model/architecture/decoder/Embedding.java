package dev.vidrio.model.architecture.decoder;

import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.model.block.Transformer;
import java.util.function.Function;

/** The residual stream before the first layer. */
@FunctionalInterface
public interface Embedding {
  /** The tokens' rows of the embedding table. */
  Embedding PLAIN = Transformer::embed;

  /** The sum of the tokens' embeddings and learned embeddings of their positions. */
  Embedding WITH_POSITIONS = Transformer::embedWithPositions;

  /** Normalized embeddings. */
  Embedding NORMALIZED = Transformer::normalizedEmbedding;

  /**
   * The normalized sum of the embeddings of tokens, of their types and of their positions, as far
   * as the file has them.
   */
  Embedding NORMALIZED_SUM = Transformer::embedForEncoder;

  /** Embeddings times √d. */
  Embedding SCALED_BY_ROOT_WIDTH = scaled(model -> (float) Math.sqrt(model.dimensions().d()));

  /** Writes it. */
  Buffer write(Transformer model);

  /** Returns embeddings times a factor of the model. */
  static Embedding scaled(Function<Transformer, Float> factor) {
    return model -> model.embed(factor.apply(model));
  }
}
