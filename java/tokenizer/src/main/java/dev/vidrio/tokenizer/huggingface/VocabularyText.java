package dev.vidrio.tokenizer.huggingface;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * Converts the {@code vocab.txt} of a BERT directory, one token per line, to the {@code
 * tokenizer.json} that Hugging Face makes of it. The options are in {@code tokenizer_config.json}:
 * {@code do_lower_case}, {@code strip_accents}, {@code tokenize_chinese_chars} and the special
 * tokens.
 */
final class VocabularyText {

  /** The name of the file. */
  static final String NAME = "vocab.txt";

  private final Path file;
  private final JsonNode config;
  private final boolean isMpNet;
  private final List<String> tokens;

  private VocabularyText(Path file, JsonNode config, List<String> tokens) {
    this.file = file;
    this.config = config;
    this.tokens = tokens;
    isMpNet = config.path("tokenizer_class").asString("").startsWith("MPNet");
  }

  /**
   * Returns the {@code tokenizer.json} of a file.
   *
   * @param config the {@code tokenizer_config.json}, if there is one
   * @throws UnsupportedModelException if the options ask for another tokenizer
   * @throws ModelFileException if the file cannot be read, is larger than {@code maxBytes} or lacks
   *     a special token
   */
  static JsonNode read(Path file, @Nullable JsonNode config, long maxBytes) {
    JsonNode options = config == null ? JsonNodeFactory.instance.objectNode() : config;
    return new VocabularyText(file, options, lines(file, maxBytes)).toJson();
  }

  private static List<String> lines(Path file, long maxBytes) {
    try {
      long size = Files.size(file);
      if (size > maxBytes) {
        throw new ModelFileException(
            file.toString(), "size", size + " bytes", "must be at most " + maxBytes);
      }
      List<String> lines = new ArrayList<>(List.of(Files.readString(file, UTF_8).split("\n", -1)));
      if (lines.getLast().isEmpty()) {
        lines.removeLast();
      }
      lines.replaceAll(line -> line.endsWith("\r") ? line.substring(0, line.length() - 1) : line);
      return lines;
    } catch (IOException e) {
      throw new ModelFileException(file.toString(), "", "", "cannot be read as UTF-8", e);
    }
  }

  private JsonNode toJson() {
    if (!config.path("do_basic_tokenize").asBoolean(true)) {
      throw new UnsupportedModelException(
          file.toString(), "do_basic_tokenize false", "supported: true");
    }
    String unknown = special("unk_token", "[UNK]", "[UNK]");
    String first = special("cls_token", "[CLS]", "<s>");
    String last = special("sep_token", "[SEP]", "</s>");
    String padding = special("pad_token", "[PAD]", "<pad>");
    String mask = special("mask_token", "[MASK]", "<mask>");
    ObjectNode root = JsonNodeFactory.instance.objectNode();
    ArrayNode added = root.putArray("added_tokens");
    for (String token : List.of(padding, unknown, first, last, mask)) {
      addToken(added, token, isMpNet && token.equals(mask));
    }
    ObjectNode normalizer = root.putObject("normalizer").put("type", "BertNormalizer");
    normalizer
        .put("clean_text", true)
        .put("handle_chinese_chars", config.path("tokenize_chinese_chars").asBoolean(true))
        .put("lowercase", config.path("do_lower_case").asBoolean(true));
    if (config.path("strip_accents").isBoolean()) {
      normalizer.put("strip_accents", config.path("strip_accents").asBoolean());
    }
    root.putObject("pre_tokenizer").put("type", "BertPreTokenizer");
    ObjectNode processor = root.putObject("post_processor");
    processor.put("type", isMpNet ? "RobertaProcessing" : "BertProcessing");
    processor.putArray("cls").add(first).add(id(first));
    processor.putArray("sep").add(last).add(id(last));
    root.putObject("decoder").put("type", "WordPiece").put("prefix", "##");
    ObjectNode model = root.putObject("model").put("type", "WordPiece");
    model.put("unk_token", unknown).put("continuing_subword_prefix", "##");
    ObjectNode vocabulary = model.putObject("vocab");
    for (int id = 0; id < tokens.size(); id++) {
      if (vocabulary.has(tokens.get(id))) {
        throw new ModelFileException(
            file.toString(), "line " + (id + 1), "'" + tokens.get(id) + "'", "is a duplicate");
      }
      vocabulary.put(tokens.get(id), id);
    }
    return root;
  }

  /** Returns the spelling of a special token: from the options, or the default of the class. */
  private String special(String key, String bert, String mpNet) {
    JsonNode value = config.path(key);
    String content = value.isObject() ? value.path("content").asString("") : value.asString("");
    return content.isEmpty() ? (isMpNet ? mpNet : bert) : content;
  }

  private void addToken(ArrayNode added, String token, boolean stripsLeft) {
    added
        .addObject()
        .put("id", id(token))
        .put("content", token)
        .put("special", true)
        .put("lstrip", stripsLeft);
  }

  private int id(String token) {
    int id = tokens.indexOf(token);
    if (id < 0) {
      throw new ModelFileException(
          file.toString(), "special token '" + token + "'", "", "must be a line of the file");
    }
    return id;
  }
}
