package dev.vidrio.model.tokenizer;

import static java.util.stream.Collectors.toMap;

import dev.vidrio.model.ModelFileException;
import dev.vidrio.model.UnsupportedModelException;
import dev.vidrio.model.gguf.Metadata;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Makes tokenizers from model files. */
public final class Tokenizers {

  private static final String PREFIX = "tokenizer.ggml.";

  /**
   * Vidrio's own key for what GGUF cannot say: the name of a {@link SpacePrefix}, which counts
   * instead of {@code add_space_prefix}.
   */
  public static final String SPACE_PREFIX = "vidrio.tokenizer.space_prefix";

  /** Vidrio's own key for what GGUF cannot say: the name of a {@link Normalization}. */
  public static final String NORMALIZATION = "vidrio.tokenizer.normalization";

  /** Vidrio's own key for the {@link TokenModel.Pipeline#stages} of its own kind of tokenizer. */
  public static final String PIPELINE = "vidrio.tokenizer.pipeline";

  /** Vidrio's own key for the {@link TokenModel.Pipeline#scores}, in double precision. */
  public static final String PIPELINE_SCORES = "vidrio.tokenizer.scores";

  private Tokenizers() {}

  /**
   * Makes the tokenizer that a GGUF file describes.
   *
   * @throws UnsupportedModelException if the file names a kind of tokenizer or a pre-tokenizer that
   *     is not known
   * @throws ModelFileException if the description is incomplete or contradicts itself
   */
  public static Tokenizer fromGguf(Metadata metadata) {
    return of(readVocabulary(metadata));
  }

  /**
   * Makes the tokenizer of a directory in Hugging Face's layout.
   *
   * @param directory holds {@code tokenizer.json} and perhaps {@code tokenizer_config.json}
   * @throws UnsupportedModelException if it asks for what is not supported
   * @throws ModelFileException if a file cannot be read or is malformed
   */
  public static Tokenizer fromHuggingFace(Path directory) {
    return of(readHuggingFace(directory));
  }

  /**
   * Reads the vocabulary of a directory in Hugging Face's layout: the {@code tokenizer.ggml} keys
   * of a GGUF file made from it.
   *
   * @param directory holds {@code tokenizer.json} and perhaps {@code tokenizer_config.json}
   * @throws UnsupportedModelException if it asks for what is not supported
   * @throws ModelFileException if a file cannot be read or is malformed
   */
  public static Vocabulary readHuggingFace(Path directory) {
    Path file = directory.resolve("tokenizer.json");
    Path config = directory.resolve("tokenizer_config.json");
    return HuggingFaceVocabulary.read(
        file.toString(), readJson(file), Files.exists(config) ? readJson(config) : null);
  }

  private static JsonNode readJson(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      return new JsonMapper().readTree(in);
    } catch (IOException | JacksonException e) {
      throw new ModelFileException(file.toString(), "", "", "cannot be read: " + e.getMessage(), e);
    }
  }

  /**
   * Makes the tokenizer of a vocabulary.
   *
   * @throws UnsupportedModelException if the pre-tokenizer is unknown
   * @throws ModelFileException if a token occurs twice, a token other than an unused one is empty,
   *     a byte token is misspelled or missing, or a merge is malformed, occurs twice or is of
   *     tokens that do not exist
   */
  public static Tokenizer of(Vocabulary vocabulary) {
    return new VocabularyTokenizer(vocabulary);
  }

  /**
   * Reads the vocabulary that a GGUF file describes.
   *
   * @throws UnsupportedModelException if the file names a kind of tokenizer or a pre-tokenizer that
   *     is not known
   * @throws ModelFileException if the description is incomplete or contradicts itself
   */
  public static Vocabulary readVocabulary(Metadata metadata) {
    String model = metadata.string(PREFIX + "model");
    List<String> tokens = metadata.strings(PREFIX + "tokens");
    return switch (model) {
      case "gpt2" -> {
        String name = metadata.optionalString(PREFIX + "pre").orElse("default");
        boolean addBos = PreTokenizer.require(metadata.file(), name).addBos();
        List<String> merges = metadata.strings(PREFIX + "merges");
        Normalization normalization = choice(metadata, NORMALIZATION, Normalization.NONE);
        TokenModel bpe = new TokenModel.ByteLevelBpe(name, merges, normalization);
        yield vocabulary(metadata, bpe, tokens, addBos);
      }
      case "llama" -> {
        yield vocabulary(metadata, readSentencePiece(metadata), tokens, true);
      }
      case "t5" -> {
        TokenModel unigram =
            new TokenModel.Unigram(
                readScores(metadata),
                metadata.boolValue(PREFIX + "add_space_prefix", false),
                metadata.boolValue(PREFIX + "remove_extra_whitespaces", false),
                readCharsmap(metadata));
        yield vocabulary(metadata, unigram, tokens, false);
      }
      case "vidrio" -> vocabulary(metadata, readPipeline(metadata), tokens, false);
      default ->
          throw new UnsupportedModelException(
              metadata.file(),
              "tokenizer '" + model + "'",
              "supported are gpt2 (byte-level BPE), llama (SentencePiece BPE), t5 (unigram),"
                  + " vidrio (a pipeline of Hugging Face tokenizers)");
    };
  }

  private static Vocabulary vocabulary(
      Metadata metadata, TokenModel model, List<String> tokens, boolean addBos) {
    List<TokenType> types = readTypes(metadata, tokens.size());
    return new Vocabulary(
        metadata.file(),
        model,
        tokens,
        types,
        readRoles(metadata, tokens.size()),
        metadata.boolValue(PREFIX + "add_bos_token", addBos),
        metadata.boolValue(PREFIX + "add_eos_token", false),
        LiteralRules.read(metadata, tokens, types));
  }

  private static TokenModel readPipeline(Metadata metadata) {
    String merges = PREFIX + "merges";
    return new TokenModel.Pipeline(
        metadata.string(PIPELINE),
        metadata.contains(merges) ? metadata.strings(merges) : List.of(),
        metadata.contains(PIPELINE_SCORES)
            ? Arrays.stream(metadata.doubles(PIPELINE_SCORES)).boxed().toList()
            : List.of());
  }

  private static TokenModel readSentencePiece(Metadata metadata) {
    String merges = PREFIX + "merges";
    boolean prefix = metadata.boolValue(PREFIX + "add_space_prefix", true);
    return new TokenModel.SentencePieceBpe(
        readScores(metadata),
        metadata.contains(merges) ? metadata.strings(merges) : List.of(),
        choice(metadata, SPACE_PREFIX, prefix ? SpacePrefix.EACH : SpacePrefix.NEVER));
  }

  /** Reads the name of a constant of an enum. */
  private static <E extends Enum<E>> E choice(Metadata metadata, String key, E otherwise) {
    String name = metadata.optionalString(key).orElse(otherwise.name());
    List<E> choices = List.of(otherwise.getDeclaringClass().getEnumConstants());
    return choices.stream()
        .filter(choice -> choice.name().equals(name))
        .findFirst()
        .orElseThrow(() -> metadata.error(key, name, "must be one of " + choices));
  }

  private static List<Float> readScores(Metadata metadata) {
    List<Float> scores = new ArrayList<>();
    for (float score : metadata.floats(PREFIX + "scores")) {
      scores.add(score);
    }
    return scores;
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
      throw metadata.error(key, blob.length + " bytes", "must hold the trie that it begins with");
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
      if (metadata.contains(key)) {
        roles.put(role, metadata.intValue(key, 0, size - 1));
      }
    }
    return roles;
  }
}
