package dev.vidrio.tokenizer.huggingface;

import static java.util.stream.Collectors.toSet;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.file.JsonFile;
import dev.vidrio.tokenizer.vocabulary.LiteralRules;
import dev.vidrio.tokenizer.vocabulary.TokenModel;
import dev.vidrio.tokenizer.vocabulary.TokenRole;
import dev.vidrio.tokenizer.vocabulary.TokenType;
import dev.vidrio.tokenizer.vocabulary.Vocabulary;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * Reads a {@code tokenizer.json} of Hugging Face tokenizers as a vocabulary in the terms of GGUF.
 * Byte-level BPE of a known family and BPE with {@code byte_fallback} map to the models of GGUF
 * files, other pipelines to {@link TokenModel.Pipeline}. Unsupported parts are rejected by name.
 */
public final class HuggingFaceVocabulary {

  /** Several times the largest known {@code tokenizer.json}. */
  private static final long MAX_BYTES = 256L << 20;

  private static final Map<TokenRole, String> ROLES =
      new EnumMap<>(
          Map.of(
              TokenRole.BOS, "bos_token",
              TokenRole.EOS, "eos_token",
              TokenRole.UNKNOWN, "unk_token",
              TokenRole.PADDING, "pad_token"));

  private final TokenizerJson json;
  private final List<String> tokens = new ArrayList<>();
  private final List<TokenType> types = new ArrayList<>();

  private HuggingFaceVocabulary(TokenizerJson json) {
    this.json = json;
  }

  /**
   * Reads the vocabulary of a directory. The stages of a pipeline are copied without validation.
   *
   * @param directory contains {@code tokenizer.json} and optionally {@code tokenizer_config.json}
   * @throws UnsupportedModelException if a part of the pipeline is not supported
   * @throws ModelFileException if a file cannot be read or is malformed
   */
  public static Vocabulary read(Path directory) {
    Path file = directory.resolve("tokenizer.json");
    Path config = directory.resolve("tokenizer_config.json");
    JsonNode root = JsonFile.readObject(file, MAX_BYTES);
    return new HuggingFaceVocabulary(new TokenizerJson(file.toString(), root))
        .read(Files.exists(config) ? JsonFile.readObject(config, MAX_BYTES) : null);
  }

  private Vocabulary read(@Nullable JsonNode config) {
    JsonNode model = json.root().path("model");
    String type = TokenizerJson.type(model);
    if (!type.equals("BPE") && !type.equals("Unigram")) {
      throw json.unsupported("model", model, "BPE, Unigram");
    }
    for (String option : List.of("dropout", "continuing_subword_prefix", "end_of_word_suffix")) {
      JsonNode value = model.path(option);
      if (value.isNumber() || !value.asString("").isEmpty()) {
        throw json.unsupported("model with " + option, "BPE without it");
      }
    }
    readTokens(model);
    Map<TokenRole, Integer> roles = readRoles(config);
    List<String> added = readPostProcessor(roles);
    return new Vocabulary(
        json.file(),
        type.equals("BPE") ? readBpe(model) : pipeline(List.of(), readScores(model)),
        tokens,
        types,
        roles,
        added.contains("BOS"),
        added.contains("EOS"),
        new LiteralRules(
            withFlag("lstrip"),
            withFlag("rstrip"),
            withFlag("single_word"),
            withFlag("normalized")));
  }

  private TokenModel readBpe(JsonNode model) {
    List<String> merges =
        model.path("merges").valueStream().map(HuggingFaceVocabulary::merge).toList();
    Optional<TokenModel> common =
        isByteFallback(model)
            ? SpacedBpeReader.read(json, tokens, merges)
            : ByteLevelReader.read(json, merges);
    return common.orElseGet(() -> pipeline(merges, List.of()));
  }

  private static boolean isByteFallback(JsonNode model) {
    return model.path("byte_fallback").asBoolean(false);
  }

  private TokenModel pipeline(List<String> merges, List<Double> scores) {
    ObjectNode stages = JsonNodeFactory.instance.objectNode();
    for (String stage : List.of("normalizer", "pre_tokenizer", "decoder")) {
      stages.set(
          stage,
          json.root().path(stage).isMissingNode() ? stages.nullNode() : json.root().get(stage));
    }
    ObjectNode model = stages.putObject("model");
    for (Map.Entry<String, JsonNode> option : json.root().path("model").properties()) {
      if (!option.getKey().equals("vocab") && !option.getKey().equals("merges")) {
        model.set(option.getKey(), option.getValue());
      }
    }
    return new TokenModel.Pipeline(stages.toString(), merges, scores);
  }

  private void readTokens(JsonNode model) {
    boolean bytes = isByteFallback(model);
    for (Map.Entry<String, JsonNode> entry : model.path("vocab").properties()) {
      put(entry.getKey(), entry.getValue().asInt(-1), textType(entry.getKey(), bytes));
    }
    if (TokenizerJson.type(model).equals("Unigram")) {
      for (JsonNode entry : model.path("vocab")) {
        String content = entry.path(0).asString("");
        put(content, tokens.size(), textType(content, bytes));
      }
    }
    for (JsonNode token : json.root().path("added_tokens")) {
      boolean special = token.path("special").asBoolean(false);
      put(content(token), id(token), special ? TokenType.CONTROL : TokenType.USER_DEFINED);
    }
  }

  private static TokenType textType(String content, boolean bytes) {
    boolean isByte = bytes && content.matches("<0x[0-9A-F]{2}>");
    return isByte ? TokenType.BYTE : TokenType.NORMAL;
  }

  /** Returns the scores of the unigram model; added tokens get −∞. */
  private List<Double> readScores(JsonNode model) {
    List<Double> scores = new ArrayList<>(tokens.size());
    for (JsonNode entry : model.path("vocab")) {
      scores.add(entry.path(1).asDouble(Double.NaN));
    }
    scores.addAll(Collections.nCopies(tokens.size() - scores.size(), Double.NEGATIVE_INFINITY));
    return scores;
  }

  private Set<Integer> withFlag(String flag) {
    return json.root()
        .path("added_tokens")
        .valueStream()
        .filter(token -> token.path(flag).asBoolean(false))
        .map(HuggingFaceVocabulary::id)
        .collect(toSet());
  }

  private static int id(JsonNode token) {
    return token.path("id").asInt(-1);
  }

  private void put(String content, int id, TokenType type) {
    int limit = 1 << 20;
    if (id < 0 || id >= limit) {
      throw idError(content, id, "must be 0 to " + (limit - 1));
    }
    int missing = id + 1 - tokens.size();
    if (missing > 0) {
      tokens.addAll(Collections.nCopies(missing, ""));
      types.addAll(Collections.nCopies(missing, TokenType.UNUSED));
    }
    if (types.get(id) != TokenType.UNUSED && !tokens.get(id).equals(content)) {
      throw idError(content, id, "is already the id of token '" + tokens.get(id) + "'");
    }
    tokens.set(id, content);
    types.set(id, type);
  }

  private ModelFileException idError(String content, int id, String limit) {
    return new ModelFileException(
        json.file(), "id of token '" + content + "'", String.valueOf(id), limit);
  }

  private static String merge(JsonNode merge) {
    return merge.isArray()
        ? merge.path(0).asString("") + " " + merge.path(1).asString("")
        : merge.asString("");
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

  /** Returns which of BOS and EOS the post-processor adds, and records these tokens' roles. */
  private List<String> readPostProcessor(Map<TokenRole, Integer> roles) {
    List<String> added = new ArrayList<>();
    for (JsonNode part : json.steps("post_processor")) {
      switch (TokenizerJson.type(part)) {
        case "ByteLevel" -> {} // affects only offsets
        case "BertProcessing", "RobertaProcessing" -> {
          add("BOS", part.path("cls").path(0).asString(""), added, roles);
          add("EOS", part.path("sep").path(0).asString(""), added, roles);
        }
        case "TemplateProcessing" -> {
          boolean textSeen = false;
          for (JsonNode item : part.path("single")) {
            if (item.has("Sequence")) {
              textSeen = true;
            } else {
              String token = item.path("SpecialToken").path("id").asString("");
              add(textSeen ? "EOS" : "BOS", token, added, roles);
            }
          }
        }
        default ->
            throw json.unsupported(
                "post_processor",
                part,
                "TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel");
      }
    }
    return added;
  }

  private void add(String role, String token, List<String> added, Map<TokenRole, Integer> roles) {
    int id = tokens.indexOf(token);
    if (id < 0 || added.contains(role)) {
      throw json.unsupported(
          "post_processor template", "at most one token before and one after the text");
    }
    roles.put(TokenRole.valueOf(role), id);
    added.add(role);
  }
}
