package dev.vidrio.formats.testfiles.hostile;

import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.gguf.GgufValueType;
import dev.vidrio.formats.testfiles.BlockEncoder;
import dev.vidrio.formats.testfiles.GgufWriter;
import dev.vidrio.formats.testfiles.TinyModel;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Valid files with llama hyperparameters or weights that are inconsistent or out of range. */
final class HostileModels {

  private final List<HostileFile> files = new ArrayList<>();

  private HostileModels() {}

  static List<HostileFile> files() {
    HostileModels models = new HostileModels();
    models.architectures();
    models.sizes();
    models.heads();
    models.rope();
    models.norms();
    models.tensors();
    models.optionalTensors();
    return models.files;
  }

  private void add(
      String name, TinyModel.Options options, String expected, Consumer<GgufWriter> change) {
    GgufWriter writer = TinyModel.writer(options);
    change.accept(writer);
    files.add(new HostileFile("model-" + name, writer.toBytes(), expected));
  }

  private void add(String name, String expected, Consumer<GgufWriter> change) {
    add(name, TinyModel.Options.standard(), expected, change);
  }

  private void missing(String name, String key) {
    add(name + "-missing", key, writer -> writer.remove(key));
  }

  private void uint32(String name, String key, long value) {
    add(name, key, writer -> writer.uint32(key, value));
  }

  private void float32(String name, String key, float value) {
    add(name, key, writer -> writer.float32(key, value));
  }

  private void architectures() {
    missing("architecture", "general.architecture");
    add("architecture-unknown", "mamba", writer -> writer.string("general.architecture", "mamba"));
    add("architecture-empty", "architecture", writer -> writer.string("general.architecture", ""));
    add("architecture-number", "general.architecture", w -> w.uint32("general.architecture", 7));
    add(
        "experts-without-used",
        "llama.expert_used_count",
        writer -> writer.uint32("llama.expert_count", 8));
    uint32("experts-shared", "llama.expert_shared_count", 1);
  }

  private void sizes() {
    String blocks = "llama.block_count";
    missing("blocks", blocks);
    uint32("blocks-0", blocks, 0);
    uint32("blocks-513", blocks, 513);
    uint32("blocks-2-32", blocks, 0xffffffffL);
    add("blocks-negative", blocks, w -> w.integer(blocks, GgufValueType.INT32, -2));
    add("blocks-2-64", blocks, w -> w.integer(blocks, GgufValueType.UINT64, -1));
    add("blocks-string", blocks, writer -> writer.string(blocks, "2"));
    add("blocks-float", blocks, writer -> writer.float32(blocks, 2f));
    add("blocks-array", blocks, writer -> writer.int32s(blocks, 2));
    add("blocks-more-than-tensors", "blk.2.", writer -> writer.uint32(blocks, 3));
    add("blocks-fewer-than-tensors", blocks, writer -> writer.uint32(blocks, 1));
    String width = "llama.embedding_length";
    missing("width", width);
    uint32("width-0", width, 0);
    uint32("width-2-31", width, 1L << 31);
    add("width-disagrees", "token_embd.weight", writer -> writer.uint32(width, 64));
    String ffn = "llama.feed_forward_length";
    missing("ffn", ffn);
    uint32("ffn-0", ffn, 0);
    uint32("ffn-2-32", ffn, 0xffffffffL);
    add("ffn-disagrees", "blk.0.ffn_", writer -> writer.uint32(ffn, 96));
    String context = "llama.context_length";
    missing("context", context);
    uint32("context-0", context, 0);
    add("context-negative", context, w -> w.integer(context, GgufValueType.INT32, -1));
    add("context-2-64", context, w -> w.integer(context, GgufValueType.UINT64, -1));
  }

  private void heads() {
    String heads = "llama.attention.head_count";
    missing("heads", heads);
    uint32("heads-0", heads, 0);
    uint32("heads-2-32", heads, 0xffffffffL);
    uint32("heads-5-of-32", heads, 5);
    String kvHeads = "llama.attention.head_count_kv";
    uint32("kv-heads-0", kvHeads, 0);
    uint32("kv-heads-3-of-4", kvHeads, 3);
    uint32("kv-heads-above-heads", kvHeads, 8);
    add("kv-heads-disagree", "blk.0.attn_k.weight", writer -> writer.uint32(kvHeads, 4));
    add("kv-heads-missing", "blk.0.attn_k.weight", writer -> writer.remove(kvHeads));
    uint32("key-length-0", "llama.attention.key_length", 0);
    add(
        "key-length-disagrees",
        "blk.0.attn_",
        w -> w.uint32("llama.attention.key_length", 16).uint32("llama.attention.value_length", 16));
  }

  private void rope() {
    String base = "llama.rope.freq_base";
    float32("rope-base-nan", base, Float.NaN);
    float32("rope-base-infinite", base, Float.POSITIVE_INFINITY);
    float32("rope-base-0", base, 0f);
    float32("rope-base-negative", base, -10000f);
    add("rope-base-string", base, writer -> writer.string(base, "10000"));
    String width = "llama.rope.dimension_count";
    uint32("rope-width-0", width, 0);
    uint32("rope-width-odd", width, 7);
    uint32("rope-width-above-head", width, 16);
    TinyModel.Options linear = TinyModel.Options.standard().withRopeScaling("linear");
    String factor = "llama.rope.scaling.factor";
    add("rope-factor-0", linear, factor, writer -> writer.float32(factor, 0f));
    add("rope-factor-nan", linear, factor, writer -> writer.float32(factor, Float.NaN));
    add("rope-factor-negative", linear, factor, writer -> writer.float32(factor, -4f));
    String type = "llama.rope.scaling.type";
    add("rope-scaling-unknown", linear, "spiral", writer -> writer.string(type, "spiral"));
    add("rope-scaling-number", linear, type, writer -> writer.uint32(type, 1));
  }

  private void norms() {
    String epsilon = "llama.attention.layer_norm_rms_epsilon";
    missing("epsilon", epsilon);
    float32("epsilon-0", epsilon, 0f);
    float32("epsilon-negative", epsilon, -1e-5f);
    float32("epsilon-nan", epsilon, Float.NaN);
    float32("epsilon-infinite", epsilon, Float.POSITIVE_INFINITY);
  }

  private void lost(String tensor) {
    add("lost-" + tensor, tensor, writer -> writer.removeTensor(tensor));
  }

  private void reshaped(String name, String tensor, long... shape) {
    int elements = 1;
    for (long size : shape) {
      elements *= (int) size;
    }
    byte[] data = new byte[4 * elements];
    add(name, tensor, writer -> writer.tensor(tensor, GgmlType.F32, data, shape));
  }

  private void tensors() {
    lost("token_embd.weight");
    lost("output_norm.weight");
    lost("blk.0.attn_norm.weight");
    lost("blk.0.attn_k.weight");
    lost("blk.1.attn_output.weight");
    lost("blk.1.ffn_down.weight");
    reshaped("embedding-cube", "token_embd.weight", 32, 8, 33);
    reshaped("embedding-transposed", "token_embd.weight", 264, 32);
    reshaped("query-narrow", "blk.0.attn_q.weight", 32, 16);
    reshaped("output-wide", "blk.1.attn_output.weight", 64, 32);
    reshaped("down-transposed", "blk.0.ffn_down.weight", 32, 64);
    reshaped("norm-short", "output_norm.weight", 31);
    reshaped("norm-matrix", "blk.1.ffn_norm.weight", 32, 2);
    typed("norm-q8_0", "output_norm.weight", GgmlType.Q8_0, 34, 32);
    typed("norm-i32", "blk.0.attn_norm.weight", GgmlType.I32, 128, 32);
    typed("matrix-i8", "blk.0.attn_q.weight", GgmlType.I8, 1024, 32, 32);
    typed("matrix-f64", "blk.0.ffn_up.weight", GgmlType.F64, 16384, 32, 64);
    typed("matrix-q8_1", "blk.1.attn_v.weight", GgmlType.Q8_1, 576, 32, 16);
  }

  private void typed(String name, String tensor, GgmlType type, int bytes, long... shape) {
    add(name, tensor, writer -> writer.tensor(tensor, type, new byte[bytes], shape));
  }

  private void optionalTensors() {
    TinyModel.Options standard = TinyModel.Options.standard();
    reshaped("unembedding-short", "output.weight", 32, 263);
    reshaped("unembedding-narrow", "output.weight", 31, 264);
    String bias = "blk.0.attn_q.bias";
    byte[] data = new byte[4 * 31];
    add(
        "bias-short",
        standard.withBiases(true),
        bias,
        writer -> writer.tensor(bias, GgmlType.F32, data, 31));
    String factors = "rope_freqs.weight";
    reshaped("rope-factors-long", factors, 8);
    reshaped("rope-factors-0", factors, 4);
    byte[] nan = BlockEncoder.encode(GgmlType.F32, new float[] {1f, Float.NaN, 1f, 1f});
    add("rope-factors-nan", factors, writer -> writer.tensor(factors, GgmlType.F32, nan, 4));
  }
}
