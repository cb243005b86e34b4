package dev.vidrio.tokenizer.huggingface;

import static java.util.stream.Collectors.toSet;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.file.FileStatus;
import dev.vidrio.formats.file.JsonFile;
import dev.vidrio.tokenizer.vocabulary.LiteralRules;
import dev.vidrio.tokenizer.vocabulary.PairTemplate;
import dev.vidrio.tokenizer.vocabulary.TokenModel;
import dev.vidrio.tokenizer.vocabulary.TokenRole;
import dev.vidrio.tokenizer.vocabulary.TokenType;
import dev.vidrio.tokenizer.vocabulary.Vocabulary;
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
 * Byte-level BPE of a known family, BPE with {@code byte_fallback} and BERT's WordPiece map to the
 * models of GGUF files, other pipelines to {@link TokenModel.Pipeline}. Unsupported parts are
 * rejected by name.
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
              TokenRole.PADDING, "pad_token",
              TokenRole.SEPARATOR, "sep_token",
              TokenRole.MASK, "mask_token"));

  private final TokenizerJson json;
  private final List<String> tokens = new ArrayList<>();
  private final List<TokenType> types = new ArrayList<>();

  private HuggingFaceVocabulary(TokenizerJson json) {
    this.json = json;
  }

  /** Returns whether a directory contains a tokenizer that this class reads. */
  public static boolean isIn(Path directory) {
    return FileStatus.exists(directory.resolve("tokenizer.json"))
        || FileStatus.exists(directory.resolve(VocabularyText.NAME));
  }

  /**
   * Reads the vocabulary of a directory. The stages of a pipeline are copied without validation.
   *
   * @param directory contains {@code tokenizer.json}, or else BERT's {@code vocab.txt}, and
   *     optionally {@code tokenizer_config.json}
   * @throws UnsupportedModelException if a part of the pipeline is not supported
   * @throws ModelFileException if a file cannot be read or is malformed
   */
  public static Vocabulary read(Path directory) {
    Path file = directory.resolve("tokenizer.json");
    Path options = directory.resolve("tokenizer_config.json");
    JsonNode config = FileStatus.exists(options) ? JsonFile.readObject(options, MAX_BYTES) : null;
    Path text = directory.resolve(VocabularyText.NAME);
    if (!FileStatus.exists(file) && FileStatus.exists(text)) {
      JsonNode root = VocabularyText.read(text, config, MAX_BYTES);
      return new HuggingFaceVocabulary(new TokenizerJson(text.toString(), root)).read(config);
    }
    JsonNode root = JsonFile.readObject(file, MAX_BYTES);
    return new HuggingFaceVocabulary(new TokenizerJson(file.toString(), root)).read(config);
  }

  private Vocabulary read(@Nullable JsonNode config) {
    JsonNode model = json.root().path("model");
    String type = TokenizerJson.type(model);
    boolean isWordPiece = type.equals("WordPiece");
    if (!isWordPiece && !type.equals("BPE") && !type.equals("Unigram")) {
      throw json.unsupported("model", model, "BPE, Unigram, WordPiece");
    }
    for (String option : List.of("dropout", "continuing_subword_prefix", "end_of_word_suffix")) {
      JsonNode value = model.path(option);
      if (!isWordPiece && (value.isNumber() || !value.asString("").isEmpty())) {
        throw json.unsupported("model with " + option, "BPE without it");
      }
    }
    readTokens(model);
    Map<TokenRole, Integer> roles = readRoles(config);
    List<String> added = readPostProcessor(roles);
    boolean addBos = added.contains("BOS");
    boolean addEos = added.contains("EOS");
    PairTemplate pairTemplate =
        readPair().orElseGet(() -> PairTemplate.standard(roles, addBos, addEos, false, 0));
    return new Vocabulary(
        json.file(),
        switch (type) {
          case "BPE" -> readBpe(model);
          case "WordPiece" -> readWordPiece(model, roles);
          default -> pipeline(List.of(), readScores(model));
        },
        tokens,
        types,
        roles,
        addBos,
        addEos,
        new LiteralRules(
            withFlag("lstrip"),
            withFlag("rstrip"),
            withFlag("single_word"),
            withFlag("normalized")),
        pairTemplate);
  }

  /** Returns the model, and respells the tokens if it is one of GGUF. */
  private TokenModel readWordPiece(JsonNode model, Map<TokenRole, Integer> roles) {
    String unknown = model.path("unk_token").asString("[UNK]");
    int id = tokens.indexOf(unknown);
    if (id < 0) {
      throw new ModelFileException(
          json.file(), "unk_token", "'" + unknown + "'", "must be a token");
    }
    roles.put(TokenRole.UNKNOWN, id);
    Optional<TokenModel> common = WordPieceReader.read(json);
    if (common.isPresent()) {
      Optional<List<String>> spellings = WordPieceReader.respelled(tokens, types);
      if (spellings.isPresent()) {
        tokens.clear();
        tokens.addAll(spellings.get());
        return common.get();
      }
    }
    return pipeline(List.of(), List.of());
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

  /**
   * Returns the layout of pairs, if the post-processor ends one with a special token. Decoders have
   * layouts too, but were not trained on pairs.
   */
  private Optional<PairTemplate> readPair() {
    for (JsonNode part : json.steps("post_processor")) {
      switch (TokenizerJson.type(part)) {
        case "BertProcessing" -> {
          return Optional.of(readPair(part, 1, 1));
        }
        case "RobertaProcessing" -> {
          return Optional.of(readPair(part, 2, 0));
        }
        case "TemplateProcessing" -> {
          JsonNode pair = part.path("pair");
          return pair.path(pair.size() - 1).has("SpecialToken")
              ? Optional.of(readPair(pair))
              : Optional.empty();
        }
        default -> {}
      }
    }
    return Optional.empty();
  }

  /**
   * Returns the layout of a processor with two special tokens.
   *
   * @param separators the number of separators between the sequences
   * @param secondType the type of the second sequence
   */
  private PairTemplate readPair(JsonNode processor, int separators, int secondType) {
    int first = requireToken(processor.path("cls").path(0).asString(""));
    int separator = requireToken(processor.path("sep").path(0).asString(""));
    List<PairTemplate.Part> parts = new ArrayList<>();
    parts.add(new PairTemplate.Part(first, 0));
    parts.add(new PairTemplate.Part(PairTemplate.FIRST, 0));
    parts.addAll(Collections.nCopies(separators, new PairTemplate.Part(separator, 0)));
    parts.add(new PairTemplate.Part(PairTemplate.SECOND, secondType));
    parts.add(new PairTemplate.Part(separator, secondType));
    return new PairTemplate(parts);
  }

  private PairTemplate readPair(JsonNode template) {
    List<PairTemplate.Part> parts = new ArrayList<>();
    for (JsonNode item : template) {
      JsonNode sequence = item.path("Sequence");
      JsonNode content = sequence.isMissingNode() ? item.path("SpecialToken") : sequence;
      String id = content.path("id").asString("");
      int token =
          sequence.isMissingNode()
              ? requireToken(id)
              : id.equals("A") ? PairTemplate.FIRST : PairTemplate.SECOND;
      parts.add(new PairTemplate.Part(token, content.path("type_id").asInt(0)));
    }
    try {
      return new PairTemplate(parts);
    } catch (IllegalArgumentException e) {
      throw new ModelFileException(
          json.file(), "post_processor template", "pair", String.valueOf(e.getMessage()), e);
    }
  }

  private int requireToken(String token) {
    int id = tokens.indexOf(token);
    if (id < 0) {
      throw new ModelFileException(
          json.file(), "post_processor", "'" + token + "'", "must be a token");
    }
    return id;
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
