package dev.vidrio.model.testfiles;

import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.testfiles.BlockEncoder;
import dev.vidrio.formats.testfiles.GgufWriter;
import dev.vidrio.formats.testfiles.TinyVocabulary;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A chat model with scripted answers. Each token of a script is followed by the next one:
 * embeddings are unit vectors, attention and feed-forward blocks add nothing, and the unembedding
 * maps a token to its successors. The last token of the prompt, which the chat template selects,
 * determines the answer, so that the script is the oracle of tests.
 */
public final class ScriptedModel {
  private static final int CONTEXT = 4096;
  private static final int BLOCK = 32;
  private static final int NORMAL = 1;
  private static final int CONTROL = 3;

  /** The logit of the first answer; alternatives, which a mask may leave, have less. */
  private static final float[] WEIGHTS = {1f, 0.5f};

  private final List<String> tokens = new ArrayList<>(TinyVocabulary.tokens());
  private final Map<Integer, List<Integer>> successors = new LinkedHashMap<>();
  private final int plain = tokens.size();
  private int begins;

  private ScriptedModel() {}

  /**
   * Writes a model with a template that selects a script by the last message and the tools.
   *
   * @return the file
   */
  public static Path write(Path file) throws IOException {
    return Files.write(file, writer().toBytes());
  }

  /** Returns a writer of the model, for tests that change something. */
  public static GgufWriter writer() {
    var model = new ScriptedModel();
    ScriptedAnswers.SCRIPTS.keySet().forEach(model::begin);
    ScriptedAnswers.SCRIPTS.forEach(model::script);
    return model.write();
  }

  private void begin(String name) {
    tokens.add("<|" + name + "|>");
    begins++;
  }

  /** Adds the pieces of answers after the beginning; no piece may occur twice. */
  private void script(String name, List<List<String>> answers) {
    int begin = tokens.indexOf("<|" + name + "|>");
    for (List<String> pieces : answers) {
      int last = begin;
      for (String piece : pieces) {
        String token = alphabet(piece);
        if (tokens.contains(token)) {
          throw new IllegalArgumentException("piece '" + piece + "' occurs twice");
        }
        follow(last, tokens.size());
        last = tokens.size();
        tokens.add(token);
      }
      follow(last, 0);
    }
  }

  private void follow(int token, int next) {
    successors.computeIfAbsent(token, key -> new ArrayList<>()).add(next);
  }

  /** Spells a text as byte-level vocabularies do. */
  private static String alphabet(String text) {
    var spelled = new StringBuilder();
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
      spelled.append(TinyVocabulary.tokens().get(1 + Byte.toUnsignedInt(b)));
    }
    return spelled.toString();
  }

  private GgufWriter write() {
    int width = (tokens.size() + BLOCK - 1) / BLOCK * BLOCK;
    var writer = new GgufWriter();
    writer
        .string("general.architecture", "llama")
        .uint32("llama.context_length", CONTEXT)
        .uint32("llama.embedding_length", width)
        .uint32("llama.block_count", 1)
        .uint32("llama.feed_forward_length", BLOCK)
        .uint32("llama.attention.head_count", width / BLOCK)
        .uint32("llama.attention.head_count_kv", width / BLOCK)
        .uint32("llama.rope.dimension_count", BLOCK)
        .float32("llama.attention.layer_norm_rms_epsilon", 1e-5f)
        .string("tokenizer.ggml.model", "gpt2")
        .string("tokenizer.ggml.pre", "gpt-2")
        .strings("tokenizer.ggml.tokens", tokens)
        .int32s("tokenizer.ggml.token_type", types())
        .strings("tokenizer.ggml.merges", TinyVocabulary.MERGES)
        .uint32("tokenizer.ggml.bos_token_id", 0)
        .uint32("tokenizer.ggml.eos_token_id", 0)
        .bool("tokenizer.ggml.add_bos_token", true)
        .string("tokenizer.chat_template", ScriptedAnswers.TEMPLATE);
    putWeights(writer, width);
    return writer;
  }

  private int[] types() {
    int[] types = new int[tokens.size()];
    Arrays.fill(types, NORMAL);
    types[0] = CONTROL;
    Arrays.fill(types, plain, plain + begins, CONTROL);
    return types;
  }

  private void putWeights(GgufWriter writer, int width) {
    int vocabulary = tokens.size();
    float[] embedding = new float[vocabulary * width];
    for (int token = 0; token < vocabulary; token++) {
      embedding[token * width + token] = 1;
    }
    float[] output = new float[vocabulary * width];
    successors.forEach(
        (token, next) -> {
          for (int i = 0; i < next.size(); i++) {
            output[next.get(i) * width + token] = WEIGHTS[i];
          }
        });
    float[] ones = new float[width];
    Arrays.fill(ones, 1);
    tensor(writer, "token_embd.weight", embedding, width, vocabulary);
    tensor(writer, "output.weight", output, width, vocabulary);
    tensor(writer, "output_norm.weight", ones, width);
    tensor(writer, "blk.0.attn_norm.weight", ones, width);
    tensor(writer, "blk.0.ffn_norm.weight", ones, width);
    for (String matrix : List.of("attn_q", "attn_k", "attn_v", "attn_output")) {
      tensor(writer, "blk.0." + matrix + ".weight", new float[width * width], width, width);
    }
    tensor(writer, "blk.0.ffn_gate.weight", new float[width * BLOCK], width, BLOCK);
    tensor(writer, "blk.0.ffn_up.weight", new float[width * BLOCK], width, BLOCK);
    tensor(writer, "blk.0.ffn_down.weight", new float[width * BLOCK], BLOCK, width);
  }

  private static void tensor(GgufWriter writer, String name, float[] values, long... shape) {
    writer.tensor(name, GgmlType.F32, BlockEncoder.encode(GgmlType.F32, values), shape);
  }
}
