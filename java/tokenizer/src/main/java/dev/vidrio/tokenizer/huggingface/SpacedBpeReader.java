package dev.vidrio.tokenizer.huggingface;

import dev.vidrio.tokenizer.vocabulary.SpacePrefix;
import dev.vidrio.tokenizer.vocabulary.TokenModel;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/**
 * Recognizes BPE with {@code byte_fallback} in a {@code tokenizer.json}, the conversion of
 * SentencePiece BPE in which U+2581 spells the space.
 */
final class SpacedBpeReader {

  private static final String SPACE = "▁";

  private SpacedBpeReader() {}

  /**
   * Returns the model, if the file describes such a tokenizer.
   *
   * <p>The file has merges and no scores. The score of a token is the negated rank of the first
   * merge that yields it; tokens without a merge score below all others. Programs that merge by
   * scores then merge in the same order, except that they may form any token from adjacent symbols
   * and, of several merges with one result, apply the leftmost first. (llama.cpp's converter writes
   * −1000 for all tokens.)
   *
   * @param tokens the spelling of each token
   * @param merges pairs of spellings separated by a space, in order of rank
   */
  static Optional<TokenModel> read(TokenizerJson json, List<String> tokens, List<String> merges) {
    boolean plain = !json.root().path("model").path("ignore_merges").asBoolean(false);
    if (!plain || !hasCommonDecoder(json) || hasNormalizedTokens(json)) {
      return Optional.empty();
    }
    return spacePrefix(json)
        .map(prefix -> new TokenModel.SentencePieceBpe(scores(tokens, merges), merges, prefix));
  }

  private static List<Float> scores(List<String> tokens, List<String> merges) {
    Map<String, Integer> ranks = HashMap.newHashMap(merges.size());
    for (int rank = 0; rank < merges.size(); rank++) {
      ranks.putIfAbsent(merges.get(rank).replace(" ", ""), rank);
    }
    List<Float> scores = new ArrayList<>(tokens.size());
    for (String token : tokens) {
      scores.add((float) -ranks.getOrDefault(token, merges.size()));
    }
    return scores;
  }

  /**
   * Returns the space prefix, if the normalizer or else the pre-tokenizer converts spaces to
   * U+2581.
   */
  private static Optional<SpacePrefix> spacePrefix(TokenizerJson json) {
    List<JsonNode> normalizers = json.steps("normalizer");
    List<JsonNode> preTokenizers = json.steps("pre_tokenizer");
    if (normalizers.isEmpty()) {
      return preTokenizers.size() == 1 ? metaspace(preTokenizers.getFirst()) : Optional.empty();
    }
    // the normalizer leaves no spaces to split at
    boolean splits = !preTokenizers.stream().allMatch(SpacedBpeReader::splitsAtSpaces);
    boolean prepends = normalizers.size() == 2 && isPrepend(normalizers.getFirst());
    if (splits || !isReplace(normalizers.getLast()) || (normalizers.size() > 1 && !prepends)) {
      return Optional.empty();
    }
    return Optional.of(prepends ? SpacePrefix.EACH : SpacePrefix.NEVER);
  }

  private static boolean splitsAtSpaces(JsonNode step) {
    return TokenizerJson.type(step).equals("Split") && TokenizerJson.literal(step).equals(" ");
  }

  private static boolean isPrepend(JsonNode step) {
    return TokenizerJson.type(step).equals("Prepend")
        && step.path("prepend").asString("").equals(SPACE);
  }

  private static boolean isReplace(JsonNode step) {
    return TokenizerJson.type(step).equals("Replace")
        && TokenizerJson.literal(step).equals(" ")
        && step.path("content").asString("").equals(SPACE);
  }

  private static Optional<SpacePrefix> metaspace(JsonNode step) {
    boolean spaces =
        TokenizerJson.type(step).equals("Metaspace")
            && step.path("replacement").asString("").equals(SPACE)
            && step.path("add_prefix_space").asBoolean(true)
            && !step.path("split").asBoolean(true);
    if (!spaces) {
      return Optional.empty();
    }
    return switch (step.path("prepend_scheme").asString("always")) {
      case "always" -> Optional.of(SpacePrefix.MISSING);
      case "first" -> Optional.of(SpacePrefix.FIRST_MISSING);
      case "never" -> Optional.of(SpacePrefix.NEVER);
      default -> Optional.empty();
    };
  }

  /**
   * Returns whether the file has added tokens that are searched in the normalized text, which a
   * normalizer may change.
   */
  private static boolean hasNormalizedTokens(TokenizerJson json) {
    return !json.steps("normalizer").isEmpty()
        && json.root()
            .path("added_tokens")
            .valueStream()
            .anyMatch(token -> token.path("normalized").asBoolean(false));
  }

  /**
   * Returns whether the decoder only restores spaces and bytes; other decoders imply another
   * spelling.
   */
  private static boolean hasCommonDecoder(TokenizerJson json) {
    return json.steps("decoder").stream()
        .allMatch(
            step ->
                switch (TokenizerJson.type(step)) {
                  case "Replace" -> TokenizerJson.literal(step).equals(SPACE);
                  case "ByteFallback", "Fuse", "Strip", "Metaspace" -> true;
                  default -> false;
                });
  }
}
