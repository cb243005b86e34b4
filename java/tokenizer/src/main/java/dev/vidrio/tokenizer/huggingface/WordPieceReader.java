package dev.vidrio.tokenizer.huggingface;

import dev.vidrio.tokenizer.vocabulary.TokenModel;
import dev.vidrio.tokenizer.vocabulary.TokenType;
import dev.vidrio.tokenizer.wordpiece.WordPiece;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/** Recognizes BERT's tokenizer in a {@code tokenizer.json}. */
final class WordPieceReader {

  /** The prefix of tokens that continue a word. */
  static final String PREFIX = "##";

  private WordPieceReader() {}

  /** Returns the model, if the file describes BERT's tokenizer with its usual constants. */
  static Optional<TokenModel> read(TokenizerJson json) {
    JsonNode model = json.root().path("model");
    List<JsonNode> normalizers = json.steps("normalizer");
    List<JsonNode> splitters = json.steps("pre_tokenizer");
    boolean common =
        isOnly(normalizers, "BertNormalizer")
            && isOnly(splitters, "BertPreTokenizer")
            && json.steps("decoder").stream()
                .allMatch(
                    step ->
                        TokenizerJson.type(step).equals("WordPiece")
                            && step.path("prefix").asString(PREFIX).equals(PREFIX))
            && prefix(model).equals(PREFIX)
            && maxCharacters(model) == WordPiece.MAX_CHARACTERS;
    if (!common) {
      return Optional.empty();
    }
    JsonNode normalizer = normalizers.getFirst();
    if (!normalizer.path("clean_text").asBoolean(true)
        || !normalizer.path("handle_chinese_chars").asBoolean(true)) {
      return Optional.empty();
    }
    boolean lowercases = lowercases(normalizer);
    return Optional.of(new TokenModel.WordPiece(lowercases, stripsAccents(normalizer)));
  }

  private static boolean isOnly(List<JsonNode> steps, String type) {
    return steps.size() == 1 && TokenizerJson.type(steps.getFirst()).equals(type);
  }

  /** Returns the prefix of tokens that continue a word. */
  static String prefix(JsonNode model) {
    return model.path("continuing_subword_prefix").asString(PREFIX);
  }

  /** Returns the maximum length of a word in characters. */
  static int maxCharacters(JsonNode model) {
    return model.path("max_input_chars_per_word").asInt(WordPiece.MAX_CHARACTERS);
  }

  /** Returns whether a {@code BertNormalizer} lowercases. */
  static boolean lowercases(JsonNode normalizer) {
    return normalizer.path("lowercase").asBoolean(true);
  }

  /** Returns whether a {@code BertNormalizer} strips accents; by default if it lowercases. */
  static boolean stripsAccents(JsonNode normalizer) {
    return normalizer.path("strip_accents").asBoolean(lowercases(normalizer));
  }

  /**
   * Returns tokens in GGUF's spelling, in which U+2581 marks the beginning of a word; empty if two
   * tokens would become equal or a token empty.
   */
  static Optional<List<String>> respelled(List<String> tokens, List<TokenType> types) {
    List<String> spellings = new ArrayList<>(tokens.size());
    for (int id = 0; id < tokens.size(); id++) {
      String token = tokens.get(id);
      boolean isWord = types.get(id) == TokenType.NORMAL;
      spellings.add(
          !isWord
              ? token
              : token.startsWith(PREFIX)
                  ? token.substring(PREFIX.length())
                  : TokenModel.WordPiece.START + token);
    }
    var unique = new HashSet<String>();
    for (int id = 0; id < spellings.size(); id++) {
      boolean used = types.get(id) != TokenType.UNUSED;
      if (used && (spellings.get(id).isEmpty() || !unique.add(spellings.get(id)))) {
        return Optional.empty();
      }
    }
    return Optional.of(spellings);
  }
}
