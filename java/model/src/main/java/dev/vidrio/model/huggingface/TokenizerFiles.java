package dev.vidrio.model.huggingface;

import dev.vidrio.model.ModelFileException;
import dev.vidrio.model.UnsupportedModelException;
import dev.vidrio.model.file.JsonFile;
import dev.vidrio.model.gguf.MetadataBuilder;
import dev.vidrio.model.tokenizer.TokenType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/**
 * The tokenizer of a directory, {@code tokenizer.json} and {@code tokenizer_config.json}, as the
 * keys {@code tokenizer.*} of GGUF. Byte-level BPE is read; other kinds are refused by name.
 */
final class TokenizerFiles {

  private static final String PREFIX = "tokenizer.ggml.";
  private static final long MAX_BYTES = 64L << 20;
  private static final int MAX_TOKENS = 1 << 20;

  private static final String CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
  private static final String LETTERS = "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+";
  private static final String REST =
      " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

  /** The expressions by which text is cut, and what GGUF calls them. */
  private static final Map<String, String> SPLITS =
      Map.of(
          String.join("|", CONTRACTIONS, LETTERS, "\\p{N}{1,3}", REST), "dbrx",
          String.join("|", CONTRACTIONS, LETTERS, "\\p{N}", REST), "qwen2");

  private final Path directory;
  private final String file;
  private final JsonNode json;
  private final MetadataBuilder out;

  private TokenizerFiles(Path directory, Path file, MetadataBuilder out) {
    this.directory = directory;
    this.file = file.toString();
    this.json = JsonFile.readObject(file, MAX_BYTES);
    this.out = out;
  }

  /** Puts the tokenizer's keys, if the directory has a tokenizer. */
  static void put(Path directory, Config config, MetadataBuilder out) {
    Path file = directory.resolve("tokenizer.json");
    if (Files.exists(file)) {
      new TokenizerFiles(directory, file, out).put(config);
    }
  }

  private void put(Config config) {
    JsonNode model = json.path("model");
    if (!model.path("type").asString("").equals("BPE")
        || model.path("byte_fallback").asBoolean(false)) {
      throw unsupported("model", model.path("type").toString(), "byte-level BPE is");
    }
    if (!json.path("normalizer").isNull() && !json.path("normalizer").isMissingNode()) {
      String type = json.path("normalizer").path("type").asString("");
      if (!type.equals("NFC")) { // as llama.cpp has it: text is in this form nearly always
        throw unsupported("normalizer", type, "none and NFC are");
      }
    }
    out.string(PREFIX + "model", "gpt2").string(PREFIX + "pre", preTokenizer(model));
    tokens(model);
    out.strings(PREFIX + "merges", merges(model.path("merges")));
    roles(config);
  }

  private String preTokenizer(JsonNode model) {
    JsonNode node = json.path("pre_tokenizer");
    List<JsonNode> steps =
        node.path("type").asString("").equals("Sequence")
            ? node.path("pretokenizers").valueStream().toList()
            : List.of(node);
    List<String> types = steps.stream().map(step -> step.path("type").asString("")).toList();
    boolean cuts = steps.getLast().path("use_regex").asBoolean(true);
    if (types.equals(List.of("ByteLevel")) && cuts) {
      return "gpt-2";
    }
    if (types.equals(List.of("Digits", "ByteLevel"))
        && cuts
        && steps.getFirst().path("individual_digits").asBoolean(false)) {
      return "smollm";
    }
    if (types.equals(List.of("Split", "ByteLevel")) && !cuts) {
      JsonNode pattern = steps.getFirst().path("pattern").path("Regex");
      String name = SPLITS.get(pattern.asString(""));
      if (name != null) {
        boolean whole = model.path("ignore_merges").asBoolean(false);
        return name.equals("dbrx") && whole ? "llama-bpe" : name;
      }
      throw unsupported(
          "pre_tokenizer pattern", pattern.toString(), "those of Llama 3 and Qwen are");
    }
    throw unsupported("pre_tokenizer", types.toString(), "those of GPT-2, Llama 3 and Qwen are");
  }

  private void tokens(JsonNode model) {
    List<String> tokens = new ArrayList<>();
    List<Integer> types = new ArrayList<>();
    for (Map.Entry<String, JsonNode> entry : model.path("vocab").properties()) {
      put(tokens, types, entry.getKey(), entry.getValue(), TokenType.NORMAL);
    }
    for (JsonNode added : json.path("added_tokens")) {
      boolean special = added.path("special").asBoolean(false);
      put(
          tokens,
          types,
          added.path("content").asString(""),
          added.path("id"),
          special ? TokenType.CONTROL : TokenType.USER_DEFINED);
    }
    if (tokens.isEmpty()) {
      throw error("model.vocab", "", "has no tokens");
    }
    out.strings(PREFIX + "tokens", tokens)
        .integers(PREFIX + "token_type", types.stream().mapToInt(type -> type).toArray());
  }

  /** Gaps before a token are filled with tokens that text never has. */
  private void put(
      List<String> tokens, List<Integer> types, String token, JsonNode id, TokenType type) {
    if (!id.isIntegralNumber() || id.longValue() < 0 || id.longValue() >= MAX_TOKENS) {
      throw error("token '" + token + "' id", id.toString(), "must be 0 to " + (MAX_TOKENS - 1));
    }
    while (tokens.size() <= id.intValue()) {
      tokens.add("[PAD" + tokens.size() + "]");
      types.add(TokenType.UNUSED.number());
    }
    tokens.set(id.intValue(), token);
    types.set(id.intValue(), type.number());
  }

  /** Older files have {@code "a b"}, newer ones {@code ["a", "b"]}. */
  private List<String> merges(JsonNode node) {
    List<String> merges = new ArrayList<>(node.size());
    for (JsonNode merge : node) {
      boolean isPair = merge.isArray() && merge.size() == 2;
      String text =
          isPair ? merge.get(0).asString("") + " " + merge.get(1).asString("") : merge.asString("");
      if (text.chars().filter(c -> c == ' ').count() != 1) {
        String limit = "must be two spellings without spaces";
        throw error("model.merges[" + merges.size() + "]", merge.toString(), limit);
      }
      merges.add(text);
    }
    return merges;
  }

  private void roles(Config config) {
    for (String role : List.of("bos", "eos")) {
      String key = role + "_token_id";
      if (config.has(key)) {
        out.integer(PREFIX + key, config.firstInteger(key, MAX_TOKENS));
      }
    }
    Path settings = directory.resolve("tokenizer_config.json");
    if (Files.exists(settings)) {
      Config tokenizer = new Config(settings.toString(), JsonFile.readObject(settings, MAX_BYTES));
      for (String key : Arrays.asList("add_bos_token", "add_eos_token")) {
        if (tokenizer.has(key)) {
          out.bool(PREFIX + key, tokenizer.bool(key, false));
        }
      }
      if (tokenizer.has("chat_template")) {
        out.string("tokenizer.chat_template", tokenizer.string("chat_template", ""));
      }
    }
    Path template = directory.resolve("chat_template.jinja");
    if (Files.exists(template)) {
      try {
        out.string("tokenizer.chat_template", Files.readString(template));
      } catch (IOException e) {
        throw new ModelFileException(template.toString(), "", "", "cannot be read as UTF-8", e);
      }
    }
  }

  private UnsupportedModelException unsupported(String key, String value, String alternative) {
    return new UnsupportedModelException(file, key + " " + value, alternative + " supported");
  }

  private ModelFileException error(String field, String value, String limit) {
    return new ModelFileException(file, field, value, limit);
  }
}
