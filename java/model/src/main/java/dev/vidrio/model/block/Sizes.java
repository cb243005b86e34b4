package dev.vidrio.model.block;

import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.gguf.GgufTensor;
import dev.vidrio.kernel.KvShape;
import java.util.Collections;
import java.util.List;

/**
 * The sizes of a transformer, checked against each other.
 *
 * @param d width of the residual stream
 * @param layers L
 * @param layerHeads H of each layer, query heads; 0 in those without attention
 * @param dH d_h, elements of a head; where windows of some layers slide, it may be that of the
 *     others
 * @param dFfn width of the feed-forward blocks; the most where layers differ
 * @param dExpert width of an expert; d_ffn where the file does not say so
 * @param vocabulary V
 * @param contextLength positions that the model was made for
 * @param kvShape key-value heads of each layer that has its own
 */
public record Sizes(
    int d,
    int layers,
    List<Integer> layerHeads,
    int dH,
    int dFfn,
    int dExpert,
    int vocabulary,
    int contextLength,
    KvShape kvShape) {

  /** Larger than in any model known, small enough that no product of two overflows. */
  public static final int MAX_WIDTH = 1 << 20;

  /** The key of the widths of feed-forward blocks. */
  public static final String FFN_WIDTH = "feed_forward_length";

  private static final String HEADS = "attention.head_count";

  private static final String KV_HEADS = "attention.head_count_kv";

  private static final int MAX_LAYERS = 512;

  private static final int MAX_HEADS = 4096;

  private static final int MAX_DRAFTS = 16;

  private static final int MAX_CONTEXT = 1 << 26;

  /**
   * Of a model whose layers are alike.
   *
   * @param drafts blocks behind the others that draft tokens, which are no layers of the model
   */
  public static Sizes read(Keys keys, int drafts) {
    int layers = layers(keys, drafts);
    int heads = heads(keys);
    int dH = headWidth(keys, "attention.key_length", "attention.value_length");
    int dFfn = keys.sameInEveryLayer(FFN_WIDTH, 1, MAX_WIDTH);
    return read(keys, layers, dH, dFfn, new KvShape(layers, kvHeads(keys, heads), dH));
  }

  /** Of a model whose layers differ as said. */
  public static Sizes read(Keys keys, int layers, int dH, int dFfn, KvShape kvShape) {
    return read(keys, Collections.nCopies(layers, heads(keys)), dH, dFfn, kvShape);
  }

  /**
   * The same where query heads differ too.
   *
   * @param layerHeads H of each layer
   */
  public static Sizes read(Keys keys, List<Integer> layerHeads, int dH, int dFfn, KvShape kvShape) {
    return new Sizes(
        keys.intValue("embedding_length", 1, MAX_WIDTH),
        layerHeads.size(),
        layerHeads,
        dH,
        dFfn,
        keys.intValue("expert_feed_forward_length", 1, MAX_WIDTH, dFfn),
        vocabulary(keys),
        keys.intValue("context_length", 1, MAX_CONTEXT),
        kvShape);
  }

  /**
   * Of a model with attention in the layers that have key-value heads.
   *
   * @param other what a layer without them keeps of a sequence
   */
  public static Sizes hybrid(Keys keys, KvShape.Layer other) {
    int layers = layers(keys, 0);
    int dH = headWidth(keys, "attention.key_length", "attention.value_length");
    List<KvShape.Layer> caches =
        kvHeadsOfLayers(keys, layers).stream()
            .map(kvHeads -> kvHeads == 0 ? other : new KvShape.KeyValue(kvHeads, dH))
            .toList();
    int dFfn = keys.sameInEveryLayer(FFN_WIDTH, 1, MAX_WIDTH);
    return read(keys, layers, dH, dFfn, new KvShape(caches));
  }

  /** H_kv of each layer, 0 in those without attention. */
  public static List<Integer> kvHeadsOfLayers(Keys keys, int layers) {
    return kvHeadsOfLayers(keys, Collections.nCopies(layers, heads(keys)));
  }

  /**
   * The same where query heads differ too.
   *
   * @param layerHeads H of each layer
   */
  public static List<Integer> kvHeadsOfLayers(Keys keys, List<Integer> layerHeads) {
    List<Integer> each = keys.inEachLayer(KV_HEADS, layerHeads.size(), 0, MAX_HEADS);
    for (int l = 0; l < each.size(); l++) {
      if (each.get(l) > 0) {
        requireDivides(keys, KV_HEADS, each.get(l), layerHeads.get(l));
      }
    }
    return each;
  }

  /**
   * Of a model whose layers differ in heads and width. Those without key-value heads have no place
   * in the cache.
   *
   * @param drafts blocks behind the others, which are no layers of the model
   */
  public static Sizes varied(Keys keys, int drafts) {
    int layers = layers(keys, drafts);
    List<Integer> blockHeads = keys.inEachLayer(HEADS, layers + drafts, 0, MAX_HEADS);
    int most = Collections.max(blockHeads);
    if (most == 0) {
      throw keys.error(HEADS, blockHeads.toString(), "leaves no layer for attention");
    }
    int dH = headWidth(keys, most, "attention.key_length", "attention.value_length");
    List<KvShape.Layer> caches =
        kvHeadsOfLayers(keys, blockHeads).stream()
            .limit(layers)
            .filter(kvHeads -> kvHeads > 0)
            .<KvShape.Layer>map(kvHeads -> new KvShape.KeyValue(kvHeads, dH))
            .toList();
    if (caches.isEmpty()) {
      throw keys.error(KV_HEADS, "0", "leaves no layer for attention");
    }
    int dFfn = Collections.max(widths(keys, layers + drafts).subList(0, layers));
    return read(keys, blockHeads.subList(0, layers), dH, dFfn, new KvShape(caches));
  }

  /** Widths of the feed-forward blocks of all blocks, 0 in those without. */
  public static List<Integer> widths(Keys keys, int blocks) {
    return keys.inEachLayer(FFN_WIDTH, blocks, 0, MAX_WIDTH);
  }

  /** H; the most where layers differ. */
  public int heads() {
    return Collections.max(layerHeads);
  }

  /** H of a layer. */
  public int heads(int layer) {
    return layerHeads.get(layer);
  }

  /**
   * L.
   *
   * @param drafts blocks behind the others, which are no layers of the model
   */
  public static int layers(Keys keys, int drafts) {
    int blocks = keys.intValue("block_count", drafts + 1, MAX_LAYERS);
    requireNoLayer(keys, blocks);
    return blocks - drafts;
  }

  /** How many blocks behind the layers draft tokens (multi-token prediction). */
  public static int drafts(Keys keys) {
    return keys.intValue("nextn_predict_layers", 0, MAX_DRAFTS, 0);
  }

  /** H. */
  public static int heads(Keys keys) {
    return keys.sameInEveryLayer(HEADS, 1, MAX_HEADS);
  }

  private static void requireNoLayer(Keys keys, int layers) {
    String prefix = "blk." + layers + ".";
    for (GgufTensor tensor : keys.gguf().tensors()) {
      if (tensor.name().startsWith(prefix)) {
        throw keys.error(
            "block_count", Integer.toString(layers), "the file has a tensor " + tensor.name());
      }
    }
  }

  /** H_kv, of a model whose layers are alike. */
  public static int kvHeads(Keys keys, int heads) {
    int kvHeads = keys.has(KV_HEADS) ? keys.sameInEveryLayer(KV_HEADS, 1, heads) : heads;
    return requireDivides(keys, KV_HEADS, kvHeads, heads);
  }

  /** Checks that query heads can share key-value heads. */
  public static int requireDivides(Keys keys, String key, int kvHeads, int heads) {
    if (heads == 0 || heads % kvHeads != 0) {
      throw keys.error(
          key, Integer.toString(kvHeads), "must divide " + keys.full(HEADS) + " " + heads);
    }
    return kvHeads;
  }

  /**
   * d_h, that of keys and values.
   *
   * @param key of the one
   * @param valueKey of the other
   */
  public static int headWidth(Keys keys, String key, String valueKey) {
    return headWidth(keys, heads(keys), key, valueKey);
  }

  private static int headWidth(Keys keys, int heads, String key, String valueKey) {
    int d = keys.intValue("embedding_length", 1, MAX_WIDTH);
    if (!keys.has(key) && d % heads != 0) {
      throw keys.error(
          HEADS, Integer.toString(heads), "must divide " + keys.full("embedding_length") + " " + d);
    }
    if (!keys.has(key) && d / heads > KvShape.HEAD_MAX) {
      throw keys.error(
          HEADS,
          Integer.toString(heads),
          "makes heads of " + d / heads + " elements, more than " + KvShape.HEAD_MAX);
    }
    int dH = keys.intValue(key, 2, KvShape.HEAD_MAX, d / heads);
    int valueLength = keys.intValue(valueKey, 1, KvShape.HEAD_MAX, dH);
    if (valueLength != dH) {
      throw keys.error(valueKey, Integer.toString(valueLength), "must equal " + dH);
    }
    return dH;
  }

  private static int vocabulary(Keys keys) {
    Gguf gguf = keys.gguf();
    GgufTensor embedding = gguf.tensor("token_embd.weight");
    if (embedding.dim(1) > MAX_WIDTH * 4L) {
      throw gguf.metadata()
          .error("token_embd.weight", embedding.shape().toString(), "has too many rows");
    }
    int rows = (int) embedding.dim(1);
    int declared = keys.intValue("vocab_size", 1, Integer.MAX_VALUE, rows);
    if (declared != rows) {
      throw keys.error(
          "vocab_size",
          Integer.toString(declared),
          "must equal the " + rows + " rows of token_embd.weight");
    }
    return rows;
  }
}
