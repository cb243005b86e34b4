package dev.vidrio.model.block;

import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.kernel.KvShape;
import java.util.List;

/**
 * The dimensions of an EAGLE-3 head (arXiv 2503.01840), as its file has them: one decoder layer,
 * over the embedding of a token and over a projection of hidden states of three layers of the
 * model.
 */
public final class EagleHead {
  private static final String ARCHITECTURE = "eagle3";
  private static final int LAYERS = 3;
  private static final String TARGET_LAYERS = "target_layers";

  private final Hyperparameters params;
  private final WeightLoader weights;
  private final ModelDimensions model;
  private final int width;
  private final int heads;
  private final int dFfn;
  private final KvShape.KeyValue keyValue;
  private final List<Integer> layers;
  private final boolean normalizedResidual;

  /**
   * Reads the dimensions.
   *
   * @param model dimensions of the model
   * @throws dev.vidrio.error.ModelFileException if the head is one of a model of other dimensions
   */
  public EagleHead(DraftSource.Head source, ModelDimensions model) {
    this.params = source.params();
    this.weights = source.weights();
    this.model = model;
    int blocks = ModelDimensions.layers(params, 0);
    if (blocks != 1) {
      throw params.error("block_count", Integer.toString(blocks), "must be 1");
    }
    this.width = params.intValue("embedding_length", 1, ModelDimensions.MAX_WIDTH);
    this.heads = ModelDimensions.heads(params);
    int dH = ModelDimensions.headWidth(params, "attention.key_length", "attention.value_length");
    this.keyValue = new KvShape.KeyValue(ModelDimensions.kvHeads(params, heads), dH);
    this.dFfn = params.uniform(ModelDimensions.FFN_WIDTH, 1, ModelDimensions.MAX_WIDTH);
    int target = params.intValue("target_hidden_size", 1, ModelDimensions.MAX_WIDTH, model.d());
    if (target != model.d()) {
      throw params.error(
          "target_hidden_size",
          Integer.toString(target),
          "must be the " + model.d() + " of the model");
    }
    this.layers = params.ints(TARGET_LAYERS, 0, model.layers() - 1);
    if (layers.size() != LAYERS) {
      throw params.error(TARGET_LAYERS, layers.toString(), "must be " + LAYERS + " layers");
    }
    this.normalizedResidual = params.flag("norm_before_residual", false);
    if (params.flag("norm_before_fc", false)) {
      throw params.unsupported(params.full("norm_before_fc"));
    }
  }

  /** Returns whether a file is a head. */
  public static boolean isHead(Gguf gguf) {
    return gguf.metadata()
        .optionalString("general.architecture")
        .filter(ARCHITECTURE::equals)
        .isPresent();
  }

  /** Returns the dimensions of the model with the layers that the head adds to the cache. */
  public ModelDimensions withCache() {
    return model.withDraftCache(keyValue, width);
  }

  /** Returns the head as a transformer of one layer over the cache of the model. */
  Transformer transformer(KvShape cache) {
    var dimensions =
        new ModelDimensions(
            width,
            1,
            List.of(heads),
            keyValue.dH(),
            dFfn,
            dFfn,
            model.vocabulary(),
            params.intValue("context_length", 1, Integer.MAX_VALUE, model.contextLength()),
            cache);
    return new Transformer(params, dimensions, weights);
  }

  /** Returns the number of query heads. */
  int heads() {
    return heads;
  }

  /** Returns the shape of keys and values. */
  KvShape.KeyValue keyValue() {
    return keyValue;
  }

  /** Returns the layers of the model with inputs that the head reads. */
  List<Integer> layers() {
    return layers;
  }

  /** Returns whether the residual stream begins with the normalized state instead of the state. */
  boolean normalizesResidual() {
    return normalizedResidual;
  }

  /** Checks that the file has no other tensors, and no other keys that matter. */
  void finish() {
    weights.finish();
    params.finish();
  }
}
