package dev.vidrio.model.block;

import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.gguf.GgufTensor;
import dev.vidrio.kernel.KvShape;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * The dimensions of a transformer, checked against each other.
 *
 * @param d width of the residual stream
 * @param layers L
 * @param layerHeads H of each layer, query heads; 0 in layers without attention
 * @param dH d_h, elements of a head; if layers differ, in layers without a sliding window
 * @param dFfn width of feed-forward blocks; the largest if layers differ
 * @param dExpert width of an expert; d_ffn by default
 * @param vocabulary V
 * @param contextLength largest number of positions
 * @param kvShape key-value heads of each layer that has its own
 */
public record ModelDimensions(
    int d,
    int layers,
    List<Integer> layerHeads,
    int dH,
    int dFfn,
    int dExpert,
    int vocabulary,
    int contextLength,
    KvShape kvShape) {

  /** Returns dimensions with another shape of the cache. */
  public ModelDimensions withKvShape(KvShape newShape) {
    return new ModelDimensions(
        d, layers, layerHeads, dH, dFfn, dExpert, vocabulary, contextLength, newShape);
  }

  /**
   * Returns dimensions of a model that runs its own draft block. The keys and values of the block
   * are as wide as those of the last layer with attention.
   */
  public ModelDimensions withDraftCache() {
    KvShape.Layer attention =
        kvShape.layers().reversed().stream()
            .filter(KvShape.KeyValue.class::isInstance)
            .findFirst()
            .orElseThrow();
    return withDraftCache(attention, d);
  }

  /**
   * Returns dimensions of a model that runs a draft block. The cache has two more layers.
   *
   * @param attention the keys and values of the block
   * @param states width of the hidden states that it reads
   */
  ModelDimensions withDraftCache(KvShape.Layer attention, int states) {
    List<KvShape.Layer> caches = new ArrayList<>(kvShape.layers());
    caches.add(attention);
    caches.add(new KvShape.Rows(states));
    return withKvShape(new KvShape(caches));
  }

  /** Returns dimensions that count the draft block as one more layer. */
  ModelDimensions withDraftLayer() {
    List<Integer> heads = new ArrayList<>(layerHeads);
    heads.add(layerHeads.getLast());
    return new ModelDimensions(
        d, layers + 1, heads, dH, dFfn, dExpert, vocabulary, contextLength, kvShape);
  }

  /** Larger than in any known model, and small enough that products of two do not overflow. */
  public static final int MAX_WIDTH = 1 << 20;

  /** Key of the width of feed-forward blocks. */
  public static final String FFN_WIDTH = "feed_forward_length";

  private static final String HEADS = "attention.head_count";

  private static final String KV_HEADS = "attention.head_count_kv";

  private static final int MAX_LAYERS = 512;

  private static final int MAX_HEADS = 4096;

  private static final int MAX_DRAFTS = 16;

  private static final int MAX_CONTEXT = 1 << 26;

  /**
   * Reads the dimensions of a model with equal layers.
   *
   * @param drafts number of draft blocks (multi-token prediction) after the layers
   */
  public static ModelDimensions read(Hyperparameters params, int drafts) {
    int layers = layers(params, drafts);
    int heads = heads(params);
    int dH = headWidth(params, "attention.key_length", "attention.value_length");
    int dFfn = params.uniform(FFN_WIDTH, 1, MAX_WIDTH);
    return read(params, layers, dH, dFfn, new KvShape(layers, kvHeads(params, heads), dH));
  }

  /** Reads the dimensions of a model with the given layers. */
  public static ModelDimensions read(
      Hyperparameters params, int layers, int dH, int dFfn, KvShape kvShape) {
    return read(params, Collections.nCopies(layers, heads(params)), dH, dFfn, kvShape);
  }

  /**
   * Reads the dimensions of a model with query heads that differ between layers.
   *
   * @param layerHeads H of each layer
   */
  public static ModelDimensions read(
      Hyperparameters params, List<Integer> layerHeads, int dH, int dFfn, KvShape kvShape) {
    return new ModelDimensions(
        params.intValue("embedding_length", 1, MAX_WIDTH),
        layerHeads.size(),
        layerHeads,
        dH,
        dFfn,
        params.intValue("expert_feed_forward_length", 1, MAX_WIDTH, dFfn),
        vocabulary(params),
        params.intValue("context_length", 1, MAX_CONTEXT),
        kvShape);
  }

  /**
   * Reads the dimensions of a model with attention in the layers that have key-value heads.
   *
   * @param other what a layer without them keeps of a sequence
   */
  public static ModelDimensions hybrid(Hyperparameters params, KvShape.Layer other) {
    int layers = layers(params, 0);
    int dH = headWidth(params, "attention.key_length", "attention.value_length");
    List<KvShape.Layer> caches =
        kvHeadsPerLayer(params, layers).stream()
            .map(kvHeads -> kvHeads == 0 ? other : new KvShape.KeyValue(kvHeads, dH))
            .toList();
    int dFfn = params.uniform(FFN_WIDTH, 1, MAX_WIDTH);
    return read(params, layers, dH, dFfn, new KvShape(caches));
  }

  /** Returns H_kv of each layer, 0 in layers without attention. */
  public static List<Integer> kvHeadsPerLayer(Hyperparameters params, int layers) {
    return kvHeadsPerLayer(params, Collections.nCopies(layers, heads(params)));
  }

  /**
   * Returns H_kv of each layer of a model with query heads that differ between layers.
   *
   * @param layerHeads H of each layer
   */
  public static List<Integer> kvHeadsPerLayer(Hyperparameters params, List<Integer> layerHeads) {
    List<Integer> each = params.perLayer(KV_HEADS, layerHeads.size(), 0, MAX_HEADS);
    for (int l = 0; l < each.size(); l++) {
      if (each.get(l) > 0) {
        requireDivides(params, KV_HEADS, each.get(l), layerHeads.get(l));
      }
    }
    return each;
  }

  /**
   * Reads the dimensions of a model with layers that differ in heads and width. Layers without
   * key-value heads are not in the cache.
   *
   * @param drafts number of draft blocks after the layers
   */
  public static ModelDimensions heterogeneous(Hyperparameters params, int drafts) {
    int layers = layers(params, drafts);
    List<Integer> blockHeads = params.perLayer(HEADS, layers + drafts, 0, MAX_HEADS);
    int most = Collections.max(blockHeads);
    if (most == 0) {
      throw params.error(HEADS, blockHeads.toString(), "leaves no layer for attention");
    }
    int dH = headWidth(params, most, "attention.key_length", "attention.value_length");
    List<KvShape.Layer> caches =
        kvHeadsPerLayer(params, blockHeads).stream()
            .limit(layers)
            .filter(kvHeads -> kvHeads > 0)
            .<KvShape.Layer>map(kvHeads -> new KvShape.KeyValue(kvHeads, dH))
            .toList();
    if (caches.isEmpty()) {
      throw params.error(KV_HEADS, "0", "leaves no layer for attention");
    }
    int dFfn = Collections.max(widths(params, layers + drafts).subList(0, layers));
    return read(params, blockHeads.subList(0, layers), dH, dFfn, new KvShape(caches));
  }

  /** Returns the widths of feed-forward blocks, 0 in blocks without. */
  public static List<Integer> widths(Hyperparameters params, int blocks) {
    return params.perLayer(FFN_WIDTH, blocks, 0, MAX_WIDTH);
  }

  /** Returns H, the largest if layers differ. */
  public int heads() {
    return Collections.max(layerHeads);
  }

  /** Returns H of a layer. */
  public int heads(int layer) {
    return layerHeads.get(layer);
  }

  /**
   * Returns L.
   *
   * @param drafts number of draft blocks after the layers
   */
  public static int layers(Hyperparameters params, int drafts) {
    int blocks = params.intValue("block_count", drafts + 1, MAX_LAYERS);
    requireNoLayer(params, blocks);
    return blocks - drafts;
  }

  /** Returns the number of draft blocks (multi-token prediction) after the layers. */
  public static int draftBlocks(Hyperparameters params) {
    return params.intValue("nextn_predict_layers", 0, MAX_DRAFTS, 0);
  }

  /** Returns H of a model with equal layers. */
  public static int heads(Hyperparameters params) {
    return params.uniform(HEADS, 1, MAX_HEADS);
  }

  private static void requireNoLayer(Hyperparameters params, int layers) {
    String prefix = "blk." + layers + ".";
    for (GgufTensor tensor : params.gguf().tensors()) {
      if (tensor.name().startsWith(prefix)) {
        throw params.error(
            "block_count", Integer.toString(layers), "the file has a tensor " + tensor.name());
      }
    }
  }

  /** Returns H_kv of a model with equal layers. */
  public static int kvHeads(Hyperparameters params, int heads) {
    int kvHeads = params.has(KV_HEADS) ? params.uniform(KV_HEADS, 1, heads) : heads;
    return requireDivides(params, KV_HEADS, kvHeads, heads);
  }

  /** Checks that query heads can share key-value heads. */
  public static int requireDivides(Hyperparameters params, String key, int kvHeads, int heads) {
    if (heads == 0 || heads % kvHeads != 0) {
      throw params.error(
          key, Integer.toString(kvHeads), "must divide " + params.full(HEADS) + " " + heads);
    }
    return kvHeads;
  }

  /**
   * Returns d_h, which keys and values share.
   *
   * @param key key of the width of keys
   * @param valueKey key of the width of values
   */
  public static int headWidth(Hyperparameters params, String key, String valueKey) {
    return headWidth(params, heads(params), key, valueKey);
  }

  private static int headWidth(Hyperparameters params, int heads, String key, String valueKey) {
    int d = params.intValue("embedding_length", 1, MAX_WIDTH);
    if (!params.has(key) && d % heads != 0) {
      throw params.error(
          HEADS,
          Integer.toString(heads),
          "must divide " + params.full("embedding_length") + " " + d);
    }
    if (!params.has(key) && d / heads > KvShape.HEAD_MAX) {
      throw params.error(
          HEADS,
          Integer.toString(heads),
          "makes heads of " + d / heads + " elements, more than " + KvShape.HEAD_MAX);
    }
    int dH = params.intValue(key, 2, KvShape.HEAD_MAX, d / heads);
    int valueLength = params.intValue(valueKey, 1, KvShape.HEAD_MAX, dH);
    if (valueLength != dH) {
      throw params.error(valueKey, Integer.toString(valueLength), "must equal " + dH);
    }
    return dH;
  }

  private static int vocabulary(Hyperparameters params) {
    Gguf gguf = params.gguf();
    GgufTensor embedding = gguf.tensor("token_embd.weight");
    if (embedding.dim(1) > MAX_WIDTH * 4L) {
      throw gguf.metadata()
          .error("token_embd.weight", embedding.shape().toString(), "has too many rows");
    }
    int rows = (int) embedding.dim(1);
    int declared = params.intValue("vocab_size", 1, Integer.MAX_VALUE, rows);
    if (declared != rows) {
      throw params.error(
          "vocab_size",
          Integer.toString(declared),
          "must equal the " + rows + " rows of token_embd.weight");
    }
    return rows;
  }
}
