package dev.vidrio.model.tokenizer;

import static java.util.stream.Collectors.toMap;

import dev.vidrio.model.ModelFileException;
import dev.vidrio.model.UnsupportedModelException;
import dev.vidrio.model.gguf.Metadata;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** Makes tokenizers from model files. */
public final class Tokenizers {

  private static final String PREFIX = "tokenizer.ggml.";

  private Tokenizers() {}

  /**
   * Makes the tokenizer that a GGUF file describes.
   *
   * @throws UnsupportedModelException if the file names a kind of tokenizer or a pre-tokenizer that
   *     is not known
   * @throws ModelFileException if the description is incomplete or contradicts itself
   */
  public static Tokenizer fromGguf(Metadata metadata) {
    String model = metadata.string(PREFIX + "model");
    if (!model.equals("gpt2")) {
      throw new UnsupportedModelException(
          metadata.file(), "tokenizer '" + model + "'", "supported is gpt2, byte-level BPE");
    }
    return new BpeTokenizer(readVocabulary(metadata));
  }

  /** Reads a vocabulary of the kind {@code gpt2}. */
  static Vocabulary readVocabulary(Metadata metadata) {
    String name = metadata.string(PREFIX + "pre");
    PreTokenizer preTokenizer = BpeTokenizer.preTokenizer(metadata.file(), name);
    List<String> tokens = metadata.strings(PREFIX + "tokens");
    return new Vocabulary(
        metadata.file(),
        name,
        tokens,
        readTypes(metadata, tokens.size()),
        metadata.strings(PREFIX + "merges"),
        readRoles(metadata, tokens.size()),
        metadata.boolValue(PREFIX + "add_bos_token", preTokenizer.addBos()),
        metadata.boolValue(PREFIX + "add_eos_token", false));
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
