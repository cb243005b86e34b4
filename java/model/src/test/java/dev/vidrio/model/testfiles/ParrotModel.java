package dev.vidrio.model.testfiles;

import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.testfiles.GgufWriter;
import dev.vidrio.formats.testfiles.TinyVocabulary;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A llama model with a fixed successor for each token, for tests with known answers. Embeddings are
 * unit vectors, layers add nothing, and the unembedding maps each unit vector to the next token.
 */
public final class ParrotModel {
  private static final int WIDTH = 320;
  private static final int FFN = 32;
  private static final int CONTEXT = 1024;
  private static final int NORMAL = 1;
  private static final int CONTROL = 3;
  private static final int USER_DEFINED = 4;

  private static final String CALLS =
      "{% for call in m.tool_calls or [] %}<tool_call>{{ call.function | tojson }}</tool_call>"
          + "{% endfor %}";

  /** A template with all roles; the prompt ends in ':', or in '=' with tools. */
  private static final String TEMPLATE =
      "{{ bos_token }}{% for m in messages %}"
          + "{% if m.role not in ['system', 'user', 'assistant', 'tool'] %}"
          + "{{ raise_exception('role ' + m.role) }}{% endif %}"
          + "{{ m.role[0] }}:{{ m.content + '' }}"
          + CALLS
          + "\n{% endfor %}"
          + "{% if tools %}{{ tools | length }}={% else %}a:{% endif %}";

  private static final String THINKING_TEMPLATE =
      "{{ bos_token }}{% for m in messages %}{{ m.role[0] }}:"
          + "{% if m.reasoning_content %}<think>{{ m.reasoning_content }}</think>{% endif %}"
          + "{{ m.content + '' }}"
          + CALLS
          + "\n{% endfor %}"
          + "{% if enable_thinking is defined and not enable_thinking %}a:<think></think>"
          + "{% elif tools %}{{ tools | length }}={% elif 'JSON' in messages[-1].content %}a#"
          + "{% else %}a:{% endif %}";

  private ParrotModel() {}

  /**
   * Writes a model.
   *
   * @param scripts the answer to a prompt that ends in a character, in pieces that are one token
   *     each; the answer ends after the last one. No piece may be in two scripts
   */
  public static Path write(Path file, Map<Character, List<String>> scripts) throws IOException {
    return write(file, scripts, TEMPLATE);
  }

  /**
   * Writes a reasoning model: its scripts contain the reasoning in {@code <think>} and {@code
   * </think>}. The prompt ends in ':', in '=' with tools, in '#' if the last message requests JSON,
   * and in the marks of empty reasoning if {@code enable_thinking} is false.
   *
   * @param scripts as above
   */
  public static Path writeThinker(Path file, Map<Character, List<String>> scripts)
      throws IOException {
    return write(file, scripts, THINKING_TEMPLATE);
  }

  /** Writes a model with a chat template for prompts that end in keys of the scripts. */
  public static Path write(Path file, Map<Character, List<String>> scripts, String template)
      throws IOException {
    List<String> tokens = new ArrayList<>(TinyVocabulary.tokens());
    Map<Integer, Integer> next = new HashMap<>();
    scripts.forEach(
        (last, pieces) -> {
          int before = 1 + last;
          for (String piece : pieces) {
            next.put(before, tokens.size());
            before = tokens.size();
            tokens.add(piece);
          }
        });
    if (tokens.size() > WIDTH) {
      throw new IllegalArgumentException(tokens.size() + " tokens: at most " + WIDTH);
    }
    return Files.write(file, writer(tokens, next, template).toBytes());
  }

  private static GgufWriter writer(
      List<String> tokens, Map<Integer, Integer> next, String template) {
    var writer = new GgufWriter();
    writer
        .string("general.architecture", "llama")
        .string("general.name", "Parrot")
        .uint32("llama.context_length", CONTEXT)
        .uint32("llama.embedding_length", WIDTH)
        .uint32("llama.block_count", 1)
        .uint32("llama.feed_forward_length", FFN)
        .uint32("llama.attention.head_count", 4)
        .uint32("llama.attention.head_count_kv", 4)
        .uint32("llama.rope.dimension_count", WIDTH / 4)
        .float32("llama.rope.freq_base", 10000f)
        .float32("llama.attention.layer_norm_rms_epsilon", 1e-5f)
        .uint32("llama.vocab_size", tokens.size())
        .string("tokenizer.chat_template", template);
    putVocabulary(writer, tokens);
    putWeights(writer, tokens.size(), next);
    return writer;
  }

  private static void putVocabulary(GgufWriter writer, List<String> tokens) {
    int[] types = new int[tokens.size()];
    Arrays.fill(types, NORMAL);
    Arrays.fill(types, TinyVocabulary.tokens().size(), types.length, USER_DEFINED);
    types[0] = CONTROL;
    writer
        .string("tokenizer.ggml.model", "gpt2")
        .string("tokenizer.ggml.pre", "gpt-2")
        .strings("tokenizer.ggml.tokens", tokens)
        .int32s("tokenizer.ggml.token_type", types)
        .strings("tokenizer.ggml.merges", TinyVocabulary.MERGES)
        .uint32("tokenizer.ggml.bos_token_id", 0)
        .uint32("tokenizer.ggml.eos_token_id", 0)
        .bool("tokenizer.ggml.add_bos_token", true)
        .bool("tokenizer.ggml.add_eos_token", false);
  }

  private static void putWeights(GgufWriter writer, int vocabulary, Map<Integer, Integer> next) {
    float[] embedding = new float[vocabulary * WIDTH];
    float[] unembedding = new float[vocabulary * WIDTH];
    for (int token = 0; token < vocabulary; token++) {
      embedding[token * WIDTH + token] = 1;
      unembedding[next.getOrDefault(token, 0) * WIDTH + token] = 1;
    }
    float[] ones = new float[WIDTH];
    Arrays.fill(ones, 1);
    put(writer, "token_embd.weight", embedding, WIDTH, vocabulary);
    put(writer, "blk.0.attn_norm.weight", ones, WIDTH);
    for (String name : List.of("attn_q", "attn_k", "attn_v", "attn_output")) {
      put(writer, "blk.0." + name + ".weight", new float[WIDTH * WIDTH], WIDTH, WIDTH);
    }
    put(writer, "blk.0.ffn_norm.weight", ones, WIDTH);
    put(writer, "blk.0.ffn_gate.weight", new float[WIDTH * FFN], WIDTH, FFN);
    put(writer, "blk.0.ffn_up.weight", new float[WIDTH * FFN], WIDTH, FFN);
    put(writer, "blk.0.ffn_down.weight", new float[WIDTH * FFN], FFN, WIDTH);
    // The next token is nearly certain at temperature 1.
    float[] sharp = new float[WIDTH];
    Arrays.fill(sharp, 2);
    put(writer, "output_norm.weight", sharp, WIDTH);
    put(writer, "output.weight", unembedding, WIDTH, vocabulary);
  }

  private static void put(GgufWriter writer, String name, float[] values, long... shape) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    writer.tensor(name, GgmlType.F32, bytes.array(), shape);
  }
}
