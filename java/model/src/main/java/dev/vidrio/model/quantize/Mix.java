package dev.vidrio.model.quantize;

import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.gguf.GgufValue;
import dev.vidrio.formats.gguf.Metadata;
import dev.vidrio.formats.gguf.TensorSource;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Chooses the type of each tensor of a file by the rules of llama.cpp: attention values, the
 * down-projections of feed-forward blocks and the unembedding get more bits, most in the first and
 * last layers.
 */
final class Mix {

  private static final Pattern BLOCK = Pattern.compile("blk\\.(\\d{1,4})\\..*");
  private static final int EIGHT_EXPERTS = 8;

  private static final List<String> EMBEDDINGS =
      List.of("token_embd.weight", "per_layer_token_embd.weight");

  /** Parts of the names of matrices that keep their types. */
  private static final List<String> KEPT =
      List.of(
          "ffn_gate_inp.weight",
          "shortconv.conv.weight",
          "ssm_conv1d",
          "altup",
          "laurel",
          "token_types",
          "cls.",
          "dense_");

  private final FileType type;
  private final boolean isWeighted;
  private final boolean isTied;
  private final int layers;
  private final int experts;
  private final int queriesPerKey;
  private final List<String> valueTensors;

  /**
   * Reads the dimensions of a model.
   *
   * @param isWeighted if true, there is an importance matrix
   */
  Mix(FileType type, Metadata metadata, List<TensorSource> tensors, boolean isWeighted) {
    this.type = type;
    this.isWeighted = isWeighted;
    this.isTied = tensors.stream().noneMatch(tensor -> tensor.name().equals("output.weight"));
    String prefix = metadata.string("general.architecture") + ".";
    this.layers = metadata.intValue(prefix + "block_count", 1, 1 << 16);
    this.experts = metadata.intValue(prefix + "expert_count", 0, 1 << 16, 0);
    int heads = heads(metadata, prefix + "attention.head_count", 1);
    int kvHeads = heads(metadata, prefix + "attention.head_count_kv", heads);
    this.queriesPerKey = kvHeads == 0 ? 0 : heads / kvHeads;
    this.valueTensors =
        tensors.stream()
            .map(TensorSource::name)
            .filter(Mix::isValues)
            .sorted(Comparator.comparingInt(Mix::layer).thenComparing(Comparator.naturalOrder()))
            .toList();
  }

  /** Returns the number of heads of the first layer; 0 if it has no attention. */
  private static int heads(Metadata metadata, String key, int fallback) {
    if (metadata.entries().get(key) instanceof GgufValue.Array) {
      int[] each = metadata.ints(key, 0, 1 << 16);
      return each.length == 0 ? fallback : each[0];
    }
    return metadata.intValue(key, 1, 1 << 16, fallback);
  }

  /** Returns whether a tensor is a weight matrix that may change its type. */
  static boolean isMatrix(TensorSource tensor) {
    String name = tensor.name();
    return tensor.elements() > tensor.shape().getFirst()
        && name.endsWith("weight")
        && !name.endsWith("_norm.weight")
        && KEPT.stream().noneMatch(name::contains)
        && !name.equals("per_layer_model_proj.weight")
        && !name.equals("position_embd.weight");
  }

  /** Returns the type of a matrix; the rows are a multiple of its block length. */
  GgmlType typeOf(TensorSource tensor) {
    return fitting(preferred(tensor), tensor);
  }

  /** Returns the type, or a replacement if the rows are not a multiple of its block length. */
  static GgmlType fitting(GgmlType type, TensorSource tensor) {
    long k = tensor.shape().getFirst();
    if (k % type.blockElements() == 0) {
      return type;
    }
    GgmlType narrow =
        switch (type) {
          case IQ4_XS -> GgmlType.IQ4_NL;
          case Q2_K, Q3_K -> GgmlType.Q4_0;
          case Q4_K -> GgmlType.Q5_0;
          case Q5_K -> GgmlType.Q5_1;
          case Q6_K -> GgmlType.Q8_0;
          default -> type;
        };
    return k % narrow.blockElements() == 0 ? narrow : GgmlType.F16;
  }

  private GgmlType preferred(TensorSource tensor) {
    String name = tensor.name();
    GgmlType base = type.matrices();
    if (!type.isQuantized()) {
      return base;
    }
    if (name.equals("output.weight") || (isTied && EMBEDDINGS.contains(name))) {
      boolean isPlain = type == FileType.MXFP4_MOE || base == GgmlType.Q8_0;
      boolean fits = tensor.shape().getFirst() % base.blockElements() == 0;
      return isPlain || !fits ? GgmlType.Q8_0 : GgmlType.Q6_K;
    }
    if (type == FileType.MXFP4_MOE) {
      return tensor.shape().size() > 2 ? GgmlType.MXFP4 : GgmlType.Q8_0;
    }
    if (isValues(name)) {
      return values(valueTensors.indexOf(name), base);
    }
    if (name.contains("attn_k.weight")) {
      return experts == EIGHT_EXPERTS ? GgmlType.Q8_0 : base;
    }
    if (name.contains("ffn_down")) {
      return down(layer(name), base);
    }
    return name.contains("attn_output.weight") ? attentionOutput(base) : base;
  }

  private static boolean isValues(String name) {
    return name.contains("attn_v.weight")
        || name.contains("attn_qkv.weight")
        || name.contains("attn_kv_b.weight");
  }

  /** Returns the layer index of a tensor; 0 if it is in no layer. */
  private static int layer(String name) {
    Matcher matcher = BLOCK.matcher(name);
    return matcher.matches() ? Integer.parseInt(matcher.group(1)) : 0;
  }

  /** Returns true for the first and last eighth of the layers, and each third in between. */
  private static boolean isSensitive(int layer, int layers) {
    int eighth = layers / 8;
    return layer < eighth || layer >= 7 * layers / 8 || (layer - eighth) % 3 == 2;
  }

  private GgmlType values(int index, GgmlType base) {
    boolean isShared = queriesPerKey >= 4;
    GgmlType chosen =
        switch (type) {
          case Q2_K -> isShared ? GgmlType.Q4_K : GgmlType.Q3_K;
          case Q2_K_S -> isShared ? GgmlType.Q4_K : base;
          case Q3_K_M -> index < 2 ? GgmlType.Q5_K : GgmlType.Q4_K;
          case Q3_K_L -> GgmlType.Q5_K;
          case Q4_K_S -> index < 4 ? GgmlType.Q5_K : base;
          case Q4_K_M, Q5_K_M -> isSensitive(index, valueTensors.size()) ? GgmlType.Q6_K : base;
          case IQ4_NL, IQ4_XS -> isShared ? GgmlType.Q5_K : base;
          default -> base;
        };
    return experts == EIGHT_EXPERTS ? GgmlType.Q8_0 : chosen;
  }

  private GgmlType down(int layer, GgmlType base) {
    boolean isFirst = layer < layers / 8;
    return switch (type) {
      case Q2_K -> GgmlType.Q3_K;
      case Q2_K_S -> isFirst ? GgmlType.Q4_K : base;
      case Q3_K_M -> layer < layers / 16 ? GgmlType.Q5_K : GgmlType.Q4_K;
      case Q3_K_L -> GgmlType.Q5_K;
      case Q4_K_S -> isFirst ? GgmlType.Q5_K : base;
      case Q4_K_M, Q5_K_M -> isSensitive(layer, layers) ? GgmlType.Q6_K : base;
      case IQ4_NL, IQ4_XS -> isFirst && !isWeighted ? GgmlType.Q5_K : base;
      case Q4_0 -> isFirst && isWeighted ? GgmlType.Q4_1 : base;
      case Q5_0 -> isFirst && isWeighted ? GgmlType.Q5_1 : base;
      default -> base;
    };
  }

  private GgmlType attentionOutput(GgmlType base) {
    if (experts == EIGHT_EXPERTS) {
      return switch (type) {
        case Q2_K, Q3_K_S, Q3_K_M, Q4_K_S, Q4_K_M, IQ4_NL, IQ4_XS -> GgmlType.Q5_K;
        default -> base;
      };
    }
    return switch (type) {
      case Q2_K -> GgmlType.Q3_K;
      case Q3_K_M -> GgmlType.Q4_K;
      case Q3_K_L -> GgmlType.Q5_K;
      default -> base;
    };
  }
}
