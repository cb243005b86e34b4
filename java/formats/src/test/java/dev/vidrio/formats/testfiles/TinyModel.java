package dev.vidrio.formats.testfiles;

import dev.vidrio.formats.gguf.GgmlType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * A small but complete llama model with seeded random weights: 2 layers, width 32 or one block, a
 * byte-level BPE vocabulary of 264 tokens. Its text is meaningless, but every weight affects the
 * logits.
 */
public final class TinyModel {

  /** The vocabulary size: end of text, 256 bytes and the merges. */
  public static final int VOCABULARY = 1 + 256 + TinyVocabulary.MERGES.size();

  private TinyModel() {}

  /**
   * The variations of tiny models.
   *
   * @param type the type of all matrices, any that has a kernel; with blocks of 256 the width is
   *     one block
   * @param tied whether the unembedding is the embedding
   * @param heads query heads; must divide the width
   * @param kvHeads key and value heads; must divide {@code heads}
   * @param biases whether the four attention projections have biases
   * @param ropeFactors whether there is a {@code rope_freqs.weight}
   * @param ropeScaling {@code none}, {@code linear} or {@code yarn}, or empty for no such keys
   * @param experts the number of experts, two of them used per token; 0 for a dense feed-forward
   *     block
   * @param seed the seed of the weights
   */
  public record Options(
      GgmlType type,
      boolean tied,
      int heads,
      int kvHeads,
      boolean biases,
      boolean ropeFactors,
      String ropeScaling,
      int experts,
      long seed) {

    /** F32, tied, 4 heads on 2 key and value heads, no biases, no scaling. */
    public static Options standard() {
      return new Options(GgmlType.F32, true, 4, 2, false, false, "", 0, 1);
    }

    /** The model's width. */
    int width() {
      return Math.max(WIDTH, type.blockElements());
    }

    /** The width of the feed-forward blocks. */
    int ffnWidth() {
      return 2 * width();
    }

    public Options withType(GgmlType newType) {
      return new Options(
          newType, tied, heads, kvHeads, biases, ropeFactors, ropeScaling, experts, seed);
    }

    public Options withTied(boolean newTied) {
      return new Options(
          type, newTied, heads, kvHeads, biases, ropeFactors, ropeScaling, experts, seed);
    }

    public Options withHeads(int newHeads, int newKvHeads) {
      return new Options(
          type, tied, newHeads, newKvHeads, biases, ropeFactors, ropeScaling, experts, seed);
    }

    public Options withBiases(boolean newBiases) {
      return new Options(
          type, tied, heads, kvHeads, newBiases, ropeFactors, ropeScaling, experts, seed);
    }

    public Options withRopeFactors(boolean newFactors) {
      return new Options(
          type, tied, heads, kvHeads, biases, newFactors, ropeScaling, experts, seed);
    }

    public Options withRopeScaling(String newScaling) {
      return new Options(
          type, tied, heads, kvHeads, biases, ropeFactors, newScaling, experts, seed);
    }

    public Options withExperts(int n) {
      return new Options(type, tied, heads, kvHeads, biases, ropeFactors, ropeScaling, n, seed);
    }

    public Options withSeed(long newSeed) {
      return new Options(
          type, tied, heads, kvHeads, biases, ropeFactors, ropeScaling, experts, newSeed);
    }
  }

  public static final int LAYERS = 2;
  public static final int WIDTH = 32;
  static final int CONTEXT = 128;

  /** Writes the model to a file and returns it. */
  public static Path write(Path file, Options options) throws IOException {
    return Files.write(file, writer(options).toBytes());
  }

  /** Writes a model with a chat template for the roles system, user and assistant. */
  public static Path writeChat(Path file) throws IOException {
    return Files.write(file, chatWriter().toBytes());
  }

  /** Writes such a model with the tokens {@code yes} and {@code no}. */
  public static Path writeReranker(Path file) throws IOException {
    return Files.write(file, withUserDefined(chatWriter(), "yes", "no").toBytes());
  }

  /** Returns a writer of the model with a chat template. */
  public static GgufWriter chatWriter() {
    return writer(Options.standard())
        .uint32("llama.context_length", 8 * CONTEXT)
        .string(
            "tokenizer.chat_template",
            "{{ bos_token }}{% for m in messages %}"
                + "{% if m.role not in ['system', 'user', 'assistant'] %}"
                + "{{ raise_exception('role ' + m.role) }}{% endif %}"
                + "{{ m.role[0] }}:{{ m.content }}\n{% endfor %}a:");
  }

  /** Returns a writer with the model's content, for tests that modify it. */
  public static GgufWriter writer(Options options) {
    GgufWriter writer = new GgufWriter();
    putKeys(writer, options);
    TinyVocabulary.put(writer);
    new Weights(writer, options).put();
    return writer;
  }

  /** Replaces the last tokens of the vocabulary by user-defined tokens. */
  public static GgufWriter withUserDefined(GgufWriter writer, String... texts) {
    TinyVocabulary.putUserDefined(writer, List.of(texts));
    return writer;
  }

  /** Returns the standard model with unused tokens after the others. */
  public static GgufWriter withUnused(int unused) {
    Options options = Options.standard();
    int rows = VOCABULARY + unused;
    GgufWriter writer = writer(options).uint32("llama.vocab_size", rows);
    new Weights(writer, options).matrix("token_embd.weight", options.width(), rows);
    TinyVocabulary.putUnused(writer, unused);
    return writer;
  }

  private static void putKeys(GgufWriter writer, Options options) {
    writer
        .string("general.architecture", "llama")
        .string("general.name", "Tiny")
        .uint32("llama.context_length", CONTEXT)
        .uint32("llama.embedding_length", options.width())
        .uint32("llama.block_count", LAYERS)
        .uint32("llama.feed_forward_length", options.ffnWidth())
        .uint32("llama.attention.head_count", options.heads())
        .uint32("llama.attention.head_count_kv", options.kvHeads())
        .uint32("llama.rope.dimension_count", options.width() / options.heads())
        .float32("llama.rope.freq_base", 10000f)
        .float32("llama.attention.layer_norm_rms_epsilon", 1e-5f)
        .uint32("llama.vocab_size", VOCABULARY);
    if (options.experts() > 0) {
      writer.uint32("llama.expert_count", options.experts()).uint32("llama.expert_used_count", 2);
    }
    if (!options.ropeScaling().isEmpty()) {
      writer
          .string("llama.rope.scaling.type", options.ropeScaling())
          .float32("llama.rope.scaling.factor", 4f)
          .uint32("llama.rope.scaling.original_context_length", CONTEXT / 4);
    }
  }

  /** Writes tensors, each with its own random numbers. */
  private static final class Weights {
    private final GgufWriter writer;
    private final Options options;
    private final SplittableRandom random;

    Weights(GgufWriter writer, Options options) {
      this.writer = writer;
      this.options = options;
      this.random = new SplittableRandom(options.seed());
    }

    void put() {
      int width = options.width();
      int ffn = options.ffnWidth();
      int headWidth = width / options.heads();
      matrix("token_embd.weight", width, VOCABULARY);
      for (int layer = 0; layer < LAYERS; layer++) {
        String block = "blk." + layer + ".";
        vector(block + "attn_norm.weight", width, 1f, 0.2f);
        projection(block + "attn_q", width, options.heads() * headWidth);
        projection(block + "attn_k", width, options.kvHeads() * headWidth);
        projection(block + "attn_v", width, options.kvHeads() * headWidth);
        projection(block + "attn_output", width, width);
        vector(block + "ffn_norm.weight", width, 1f, 0.2f);
        if (options.experts() > 0) {
          tensor(block + "ffn_gate_inp.weight", GgmlType.F32, width, options.experts());
          matrix(block + "ffn_gate_exps.weight", width, ffn, options.experts());
          matrix(block + "ffn_up_exps.weight", width, ffn, options.experts());
          matrix(block + "ffn_down_exps.weight", ffn, width, options.experts());
        } else {
          matrix(block + "ffn_gate.weight", width, ffn);
          matrix(block + "ffn_up.weight", width, ffn);
          matrix(block + "ffn_down.weight", ffn, width);
        }
      }
      vector("output_norm.weight", width, 1f, 0.2f);
      if (!options.tied()) {
        matrix("output.weight", width, VOCABULARY);
      }
      if (options.ropeFactors()) {
        vector("rope_freqs.weight", headWidth / 2, 4f, 3f);
      }
    }

    private void projection(String name, int columns, int rows) {
      matrix(name + ".weight", columns, rows);
      if (options.biases()) {
        vector(name + ".bias", rows, 0f, 0.5f);
      }
    }

    private void matrix(String name, long... shape) {
      tensor(name, options.type(), shape);
    }

    private void tensor(String name, GgmlType type, long... shape) {
      float spread = (float) Math.sqrt(3.0 / shape[0]);
      int count = Math.toIntExact(Arrays.stream(shape).reduce(1, Math::multiplyExact));
      writer.tensor(name, type, BlockEncoder.encode(type, values(count, 0f, spread)), shape);
    }

    private void vector(String name, int length, float mean, float spread) {
      float[] values = values(length, mean, spread);
      writer.tensor(name, GgmlType.F32, BlockEncoder.encode(GgmlType.F32, values), length);
    }

    private float[] values(int count, float mean, float spread) {
      float[] values = new float[count];
      for (int i = 0; i < count; i++) {
        values[i] = mean + spread * (float) (2 * random.nextDouble() - 1);
      }
      return values;
    }
  }
}
