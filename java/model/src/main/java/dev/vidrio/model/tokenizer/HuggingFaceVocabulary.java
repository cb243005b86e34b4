package dev.vidrio.model.tokenizer;

import dev.vidrio.model.ModelFileException;
import dev.vidrio.model.UnsupportedModelException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Reads the {@code tokenizer.json} of Hugging Face tokenizers as a vocabulary in the terms of GGUF.
 * Byte-level BPE whose words are those of a known family and BPE with {@code byte_fallback} are
 * supported; all else is refused by name.
 */
final class HuggingFaceVocabulary {

  private static final Map<TokenRole, String> ROLES =
      new EnumMap<>(
          Map.of(
              TokenRole.BOS, "bos_token",
              TokenRole.EOS, "eos_token",
              TokenRole.UNKNOWN, "unk_token",
              TokenRole.PADDING, "pad_token"));

  private static final List<String> FORMS = List.of("NFD", "NFC", "NFKD", "NFKC");

  private final String file;
  private final JsonNode root;
  private final TokenizerJson json;
  private final List<String> tokens = new ArrayList<>();
  private final List<TokenType> types = new ArrayList<>();
  private final Set<Integer> stripsLeft = new HashSet<>();
  private final Set<Integer> stripsRight = new HashSet<>();
  private boolean byteFallback;

  private HuggingFaceVocabulary(String file, JsonNode json) {
    this.file = file;
    this.root = json;
    this.json = new TokenizerJson(file, json);
  }

  /**
   * Reads a vocabulary.
   *
   * @param file the name of the file, for errors
   * @param json what {@code tokenizer.json} holds
   * @param config what {@code tokenizer_config.json} holds, or null without one
   * @throws UnsupportedModelException if it asks for what is not supported
   * @throws ModelFileException if it is malformed
   */
  static Vocabulary read(String file, JsonNode json, @Nullable JsonNode config) {
    return new HuggingFaceVocabulary(file, json).read(config);
  }

  private Vocabulary read(@Nullable JsonNode config) {
    JsonNode model = root.path("model");
    if (!TokenizerJson.type(model).equals("BPE")) {
      throw json.unsupported("model", model, "BPE");
    }
    for (String option : List.of("dropout", "continuing_subword_prefix", "end_of_word_suffix")) {
      JsonNode value = model.path(option);
      if (value.isNumber() || !value.asString("").isEmpty()) {
        throw json.unsupported("model with " + option, "BPE without it");
      }
    }
    byteFallback = model.path("byte_fallback").asBoolean(false);
    readTokens(model);
    Map<TokenRole, Integer> roles = readRoles(config);
    List<String> added = addedAround(roles);
    return new Vocabulary(
        file,
        readModel(model),
        tokens,
        types,
        roles,
        added.contains("BOS"),
        added.contains("EOS"),
        new TokenStrips(stripsLeft, stripsRight));
  }

  private TokenModel readModel(JsonNode model) {
    List<String> merges = readMerges(model);
    if (byteFallback) {
      return new SpacedBpeReader(json).read(tokens, merges);
    }
    Normalization normalization = readNormalization();
    boolean ignoreMerges = model.path("ignore_merges").asBoolean(false);
    return new TokenModel.ByteLevelBpe(preTokenizer(ignoreMerges), merges, normalization);
  }

  private Normalization readNormalization() {
    Normalization normalization = Normalization.NONE;
    for (JsonNode step : json.steps("normalizer")) {
      String type = TokenizerJson.type(step);
      if (normalization != Normalization.NONE || !FORMS.contains(type)) {
        throw json.unsupported("normalizer", step, "one of " + FORMS);
      }
      normalization = Normalization.valueOf(type);
    }
    for (JsonNode token : root.path("added_tokens")) {
      String content = content(token);
      if (token.path("normalized").asBoolean(false) && !normalization.keeps(content)) {
        throw json.unsupported(
            "added token '" + content + "' with normalized", "one without it for this normalizer");
      }
    }
    return normalization;
  }

  private void readTokens(JsonNode model) {
    for (Map.Entry<String, JsonNode> entry : model.path("vocab").properties()) {
      String content = entry.getKey();
      boolean isByte = byteFallback && content.matches("<0x[0-9A-F]{2}>");
      put(content, entry.getValue().asInt(-1), isByte ? TokenType.BYTE : TokenType.NORMAL);
    }
    for (JsonNode token : root.path("added_tokens")) {
      String content = token.path("content").asString("");
      if (token.path("single_word").asBoolean(false)) {
        throw json.unsupported("added token '" + content + "' with single_word", "one without it");
      }
      boolean special = token.path("special").asBoolean(false);
      int id = token.path("id").asInt(-1);
      put(content, id, special ? TokenType.CONTROL : TokenType.USER_DEFINED);
      if (token.path("lstrip").asBoolean(false)) {
        stripsLeft.add(id);
      }
      if (token.path("rstrip").asBoolean(false)) {
        stripsRight.add(id);
      }
    }
  }

  private void put(String content, int id, TokenType type) {
    int limit = 1 << 20;
    if (id < 0 || id >= limit) {
      throw new ModelFileException(
          file, "id of token '" + content + "'", String.valueOf(id), "must be 0 to " + (limit - 1));
    }
    int missing = id + 1 - tokens.size();
    if (missing > 0) {
      tokens.addAll(Collections.nCopies(missing, ""));
      types.addAll(Collections.nCopies(missing, TokenType.UNUSED));
    }
    tokens.set(id, content);
    types.set(id, type);
  }

  private List<String> readMerges(JsonNode model) {
    List<String> merges = new ArrayList<>();
    for (JsonNode merge : model.path("merges")) {
      merges.add(
          merge.isArray()
              ? merge.path(0).asString("") + " " + merge.path(1).asString("")
              : merge.asString(""));
    }
    return merges;
  }

  private Map<TokenRole, Integer> readRoles(@Nullable JsonNode config) {
    Map<TokenRole, Integer> roles = new EnumMap<>(TokenRole.class);
    if (config != null) {
      ROLES.forEach(
          (role, key) -> {
            JsonNode token = config.path(key);
            int id = tokens.indexOf(token.isObject() ? content(token) : token.asString(""));
            if (id >= 0 && types.get(id) != TokenType.UNUSED) {
              roles.put(role, id);
            }
          });
    }
    return roles;
  }

  private static String content(JsonNode token) {
    return token.path("content").asString("");
  }

  /** Returns which of BOS and EOS a text is put between, and notes what these tokens are. */
  private List<String> addedAround(Map<TokenRole, Integer> roles) {
    List<String> added = new ArrayList<>();
    for (JsonNode part : json.steps("post_processor")) {
      if (TokenizerJson.type(part).equals("ByteLevel")) {
        continue;
      }
      if (!TokenizerJson.type(part).equals("TemplateProcessing")) {
        throw json.unsupported("post_processor", part, "TemplateProcessing");
      }
      boolean textSeen = false;
      for (JsonNode item : part.path("single")) {
        if (item.has("Sequence")) {
          textSeen = true;
          continue;
        }
        int id = tokens.indexOf(item.path("SpecialToken").path("id").asString(""));
        String role = textSeen ? "EOS" : "BOS";
        if (id < 0 || added.contains(role)) {
          throw json.unsupported(
              "post_processor template", "one token before and one after the text");
        }
        roles.put(TokenRole.valueOf(role), id);
        added.add(role);
      }
    }
    return added;
  }

  private String preTokenizer(boolean ignoreMerges) {
    List<String> patterns = new ArrayList<>();
    boolean byteLevel = false;
    for (JsonNode part : json.steps("pre_tokenizer")) {
      switch (part.path("type").asString("")) {
        case "ByteLevel" -> {
          if (part.path("add_prefix_space").asBoolean(true)) {
            throw json.unsupported("pre_tokenizer ByteLevel with add_prefix_space", "one without");
          }
          byteLevel = true;
          if (part.path("use_regex").asBoolean(true)) {
            patterns.add(WordPatterns.GPT_2);
          }
        }
        case "Digits" ->
            patterns.add(
                part.path("individual_digits").asBoolean(false)
                    ? WordPatterns.DIGIT_ALONE
                    : WordPatterns.NUMBERS);
        case "Split" -> {
          boolean isolated = part.path("behavior").asString("").equals("Isolated");
          if (!isolated || part.path("invert").asBoolean(false)) {
            throw json.unsupported("pre_tokenizer Split of this behavior", "Isolated");
          }
          patterns.add(part.path("pattern").path("Regex").asString(""));
        }
        default -> throw json.unsupported("pre_tokenizer", part, "ByteLevel, Digits, Split");
      }
    }
    if (!byteLevel) {
      throw json.unsupported("pre_tokenizer without ByteLevel", "byte-level BPE");
    }
    return PreTokenizer.nameOf(patterns, ignoreMerges)
        .orElseThrow(
            () ->
                json.unsupported(
                    "pre_tokenizer with the expressions " + patterns, "those of known families"));
  }
}
