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
 * Reads BPE with {@code byte_fallback} from a {@code tokenizer.json}: what SentencePiece's BPE is
 * converted to, in which U+2581 spells the space.
 */
final class SpacedBpeReader {

  private static final String SPACE = "▁";

  private final TokenizerJson json;

  SpacedBpeReader(TokenizerJson json) {
    this.json = json;
  }

  /**
   * Reads the model, if it is such a one.
   *
   * <p>The file has merges and no scores. Each token's score is the rank of the first merge that
   * makes it, negated; a token that no merge makes is below all. Programs that go by scores then
   * merge in the same order, but make of neighbours any token there is and, of several merges into
   * the same token, the leftmost first. (llama.cpp's converter writes −1000 for all tokens.)
   *
   * @param tokens the spelling of each token
   * @param merges pairs of spellings with a space between, in the order of their rank
   */
  Optional<TokenModel> read(List<String> tokens, List<String> merges) {
    boolean plain = !json.root().path("model").path("ignore_merges").asBoolean(false);
    if (!plain || !hasCommonDecoder() || hasNormalizedTokens()) {
      return Optional.empty();
    }
    return spacePrefix()
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

  /** Spaces become U+2581 in the normalizer, or else in the pre-tokenizer. */
  private Optional<SpacePrefix> spacePrefix() {
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

  /** Where the normalizer changes a token too, that is looked for in the normalized text. */
  private boolean hasNormalizedTokens() {
    return !json.steps("normalizer").isEmpty()
        && json.root()
            .path("added_tokens")
            .valueStream()
            .anyMatch(token -> token.path("normalized").asBoolean(false));
  }

  /** Other decoders than those that make spaces again say that spelling is another. */
  private boolean hasCommonDecoder() {
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
