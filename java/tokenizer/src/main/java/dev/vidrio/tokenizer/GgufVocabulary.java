package dev.vidrio.tokenizer;

import static java.util.stream.Collectors.toMap;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.gguf.Metadata;
import dev.vidrio.tokenizer.vocabulary.Charsmap;
import dev.vidrio.tokenizer.vocabulary.LiteralRules;
import dev.vidrio.tokenizer.vocabulary.Normalization;
import dev.vidrio.tokenizer.vocabulary.PairTemplate;
import dev.vidrio.tokenizer.vocabulary.SpacePrefix;
import dev.vidrio.tokenizer.vocabulary.TokenModel;
import dev.vidrio.tokenizer.vocabulary.TokenRole;
import dev.vidrio.tokenizer.vocabulary.TokenType;
import dev.vidrio.tokenizer.vocabulary.Vocabulary;
import dev.vidrio.tokenizer.word.PreTokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Reads the vocabulary from the {@code tokenizer.ggml} and {@code vidrio.tokenizer} keys of GGUF
 * files.
 */
final class GgufVocabulary {

  private static final String PREFIX = "tokenizer.ggml.";
  private static final List<String> RULES =
      List.of(LiteralRules.LEFT, LiteralRules.RIGHT, LiteralRules.SINGLE, LiteralRules.NORMALIZED);
  private static final List<String> PHI_3_PLAIN = List.of("<unk>", "<s>", "<|endoftext|>");

  /**
   * The values of {@code tokenizer.ggml.model} that llama.cpp writes for models without a
   * tokenizer.
   */
  private static final Set<String> NONE = Set.of("none", "no_vocab");

  private static final String ADD_SEPARATOR = PREFIX + "add_sep_token";

  /** The ids of the special tokens of the original BERT. */
  private static final Map<TokenRole, Integer> BERT_TOKENS =
      Map.of(
          TokenRole.BOS, 101,
          TokenRole.UNKNOWN, 100,
          TokenRole.SEPARATOR, 102,
          TokenRole.PADDING, 0,
          TokenRole.MASK, 103);

  private GgufVocabulary() {}

  /** Returns whether a file contains no vocabulary. */
  static boolean isMissing(Metadata metadata) {
    return metadata
        .optionalString(PREFIX + "model")
        .map(NONE::contains)
        .orElse(!metadata.contains(PREFIX + "tokens"));
  }

  /**
   * Reads the vocabulary of a file.
   *
   * @throws UnsupportedModelException if the tokenizer model or the pre-tokenizer is not supported
   * @throws ModelFileException if the vocabulary is incomplete or inconsistent
   */
  static Vocabulary read(Metadata metadata) {
    String name = metadata.string(PREFIX + "model");
    List<String> tokens = metadata.strings(PREFIX + "tokens");
    TokenModel model = readModel(metadata, name);
    boolean isWordPiece = model instanceof TokenModel.WordPiece;
    boolean addBosByDefault =
        switch (model) {
          case TokenModel.ByteLevelBpe bpe ->
              PreTokenizer.require(metadata.file(), bpe.preTokenizer()).addBos();
          case TokenModel.SentencePieceBpe bpe -> true;
          case TokenModel.Unigram unigram -> false;
          case TokenModel.WordPiece wordPiece -> true;
          case TokenModel.Pipeline pipeline -> false;
        };
    List<TokenType> types = readTypes(metadata, tokens.size());
    Map<TokenRole, Integer> roles = readRoles(metadata, tokens.size());
    if (isWordPiece) {
      addBertRoles(metadata, tokens.size(), roles);
    }
    boolean addBos = metadata.boolValue(PREFIX + "add_bos_token", addBosByDefault);
    boolean addEos = metadata.boolValue(PREFIX + "add_eos_token", isWordPiece);
    return new Vocabulary(
        metadata.file(),
        model,
        tokens,
        types,
        roles,
        addBos,
        addEos,
        readRules(metadata, model, tokens, types, roles),
        readPair(
            metadata,
            PairTemplate.standard(
                roles, addBos, addEos, addsSeparator(metadata, model), isWordPiece ? 1 : 0)));
  }

  /**
   * Adds the roles of BERT's special tokens, which files may leave out. As in llama.cpp, a text
   * ends with the separator.
   */
  private static void addBertRoles(Metadata metadata, int size, Map<TokenRole, Integer> roles) {
    String first = PREFIX + "cls_token_id"; // of files before 2025
    if (metadata.contains(first)) {
      roles.putIfAbsent(TokenRole.BOS, metadata.intValue(first, 0, size - 1));
    }
    BERT_TOKENS.forEach(
        (role, id) -> {
          if (id < size) {
            roles.putIfAbsent(role, id);
          }
        });
    Integer separator = roles.get(TokenRole.SEPARATOR);
    if (separator != null) {
      roles.putIfAbsent(TokenRole.EOS, separator);
    }
  }

  /** Returns whether a separator token follows the EOS token between the sequences of a pair. */
  private static boolean addsSeparator(Metadata metadata, TokenModel model) {
    return switch (model) {
      case TokenModel.WordPiece wordPiece -> false; // its EOS token is the separator
      case TokenModel.ByteLevelBpe bpe ->
          metadata.boolValue(ADD_SEPARATOR, PreTokenizer.isRoberta(bpe.preTokenizer()));
      default -> metadata.boolValue(ADD_SEPARATOR, false);
    };
  }

  private static PairTemplate readPair(Metadata metadata, PairTemplate standard) {
    if (!metadata.contains(PairTemplate.KEY)) {
      return standard;
    }
    int[] values = metadata.ints(PairTemplate.KEY, PairTemplate.SECOND, Vocabulary.MAX_EMBEDDINGS);
    List<PairTemplate.Part> parts = new ArrayList<>();
    for (int i = 0; i + 1 < values.length; i += 2) {
      parts.add(new PairTemplate.Part(values[i], values[i + 1]));
    }
    try {
      return new PairTemplate(parts);
    } catch (IllegalArgumentException e) {
      throw metadata.error(
          PairTemplate.KEY, parts.size() + " parts", String.valueOf(e.getMessage()));
    }
  }

  private static TokenModel readModel(Metadata metadata, String name) {
    String merges = PREFIX + "merges";
    return switch (name) {
      case "gpt2" ->
          new TokenModel.ByteLevelBpe(
              metadata.optionalString(PREFIX + "pre").orElse("default"),
              metadata.strings(merges),
              choice(metadata, Normalization.KEY, Normalization.NONE));
      case "llama" -> {
        boolean prefix = metadata.boolValue(PREFIX + "add_space_prefix", true);
        yield new TokenModel.SentencePieceBpe(
            readScores(metadata),
            readMerges(metadata),
            choice(metadata, SpacePrefix.KEY, prefix ? SpacePrefix.EACH : SpacePrefix.NEVER));
      }
      case "gemma4" ->
          new TokenModel.SentencePieceBpe(
              readScores(metadata), metadata.strings(merges), SpacePrefix.NEVER);
      case "t5" ->
          new TokenModel.Unigram(
              readScores(metadata),
              metadata.boolValue(PREFIX + "add_space_prefix", false),
              metadata.boolValue(PREFIX + "remove_extra_whitespaces", false),
              readCharsmap(metadata));
      case "bert" -> {
        boolean lowercases = metadata.boolValue(TokenModel.WordPiece.LOWERCASE, true);
        yield new TokenModel.WordPiece(
            lowercases, metadata.boolValue(TokenModel.WordPiece.STRIP_ACCENTS, lowercases));
      }
      case "vidrio" -> {
        String scores = TokenModel.Pipeline.SCORES;
        yield new TokenModel.Pipeline(
            metadata.string(TokenModel.Pipeline.STAGES),
            readMerges(metadata),
            metadata.contains(scores)
                ? Arrays.stream(metadata.doubles(scores)).boxed().toList()
                : List.of());
      }
      default ->
          throw new UnsupportedModelException(
              metadata.file(),
              "tokenizer '" + name + "'",
              "supported: gpt2 (byte-level BPE), llama and gemma4 (SentencePiece BPE), t5"
                  + " (unigram), bert (WordPiece), vidrio (Hugging Face pipeline)");
    };
  }

  private static List<String> readMerges(Metadata metadata) {
    String key = PREFIX + "merges";
    return metadata.contains(key) ? metadata.strings(key) : List.of();
  }

  /** Reads the name of an enum constant. */
  private static <E extends Enum<E>> E choice(Metadata metadata, String key, E otherwise) {
    String name = metadata.optionalString(key).orElse(otherwise.name());
    List<E> choices = List.of(otherwise.getDeclaringClass().getEnumConstants());
    return choices.stream()
        .filter(choice -> choice.name().equals(name))
        .findFirst()
        .orElseThrow(() -> metadata.error(key, name, "must be one of " + choices));
  }

  private static List<Float> readScores(Metadata metadata) {
    float[] scores = metadata.floats(PREFIX + "scores");
    return IntStream.range(0, scores.length).mapToObj(id -> scores[id]).toList();
  }

  private static Charsmap readCharsmap(Metadata metadata) {
    String key = PREFIX + "precompiled_charsmap";
    if (!metadata.contains(key)) {
      return Charsmap.EMPTY;
    }
    int[] values = metadata.ints(key, -128, 255);
    byte[] blob = new byte[values.length];
    for (int i = 0; i < blob.length; i++) {
      blob[i] = (byte) values[i];
    }
    try {
      return new Charsmap(blob);
    } catch (IllegalArgumentException e) {
      throw metadata.error(
          key, blob.length + " bytes", "must contain a trie of the declared length");
    }
  }

  private static List<TokenType> readTypes(Metadata metadata, int size) {
    String key = PREFIX + "token_type";
    if (!metadata.contains(key)) {
      return Collections.nCopies(size, TokenType.NORMAL);
    }
    Map<Integer, TokenType> types =
        Arrays.stream(TokenType.values()).collect(toMap(TokenType::number, type -> type));
    return Arrays.stream(metadata.ints(key, 1, types.size())).mapToObj(types::get).toList();
  }

  private static Map<TokenRole, Integer> readRoles(Metadata metadata, int size) {
    Map<TokenRole, Integer> roles = new EnumMap<>(TokenRole.class);
    for (TokenRole role : TokenRole.values()) {
      String key = PREFIX + role.key();
      if (metadata.contains(key) && !isUnused(metadata, role, key, size)) {
        roles.put(role, metadata.intValue(key, 0, size - 1));
      }
    }
    return roles;
  }

  /**
   * Returns whether a role's token is beyond the vocabulary and unused. Training may pad with a
   * token that has no embedding; inference never pads.
   */
  private static boolean isUnused(Metadata metadata, TokenRole role, String key, int size) {
    return role == TokenRole.PADDING
        && metadata.longValue(key, Long.MIN_VALUE, Long.MAX_VALUE) >= size;
  }

  /**
   * Reads the rules for literal tokens. Phi-3 files of other programs lack these keys; as in
   * llama.cpp, they are recognized by the model's name, and all but three of their literal tokens
   * strip white space to their right. The mask token of encoders with BPE or the unigram model
   * strips white space to its left.
   */
  private static LiteralRules readRules(
      Metadata metadata,
      TokenModel model,
      List<String> tokens,
      List<TokenType> types,
      Map<TokenRole, Integer> roles) {
    if (RULES.stream().anyMatch(metadata::contains)) {
      int size = tokens.size();
      return new LiteralRules(
          ids(metadata, LiteralRules.LEFT, size),
          ids(metadata, LiteralRules.RIGHT, size),
          ids(metadata, LiteralRules.SINGLE, size),
          ids(metadata, LiteralRules.NORMALIZED, size));
    }
    String name = metadata.optionalString("general.name").orElse("").toLowerCase(Locale.ROOT);
    Set<Integer> right = new HashSet<>();
    if (name.contains("phi-3") || name.contains("phi3")) {
      for (int id = 0; id < Math.min(tokens.size(), types.size()); id++) {
        if (types.get(id).isLiteral() && !PHI_3_PLAIN.contains(tokens.get(id))) {
          right.add(id);
        }
      }
    }
    boolean isEncoder =
        metadata.optionalString("general.architecture").orElse("").contains("bert")
            && !(model instanceof TokenModel.WordPiece);
    Integer mask = roles.get(TokenRole.MASK);
    Set<Integer> left = isEncoder && mask != null ? Set.of(mask) : Set.of();
    return new LiteralRules(left, right, Set.of(), Set.of());
  }

  private static Set<Integer> ids(Metadata metadata, String key, int size) {
    Set<Integer> ids = new HashSet<>();
    if (metadata.contains(key)) {
      Arrays.stream(metadata.ints(key, 0, size - 1)).forEach(ids::add);
    }
    return ids;
  }
}
