package dev.vidrio.model.tokenizer;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
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
   * Reads the model.
   *
   * <p>The file has merges and no scores. Each token's score is the rank of the first merge that
   * makes it, negated; a token that no merge makes is below all. Programs that go by scores then
   * merge in the same order, but make of neighbours any token there is and, of several merges into
   * the same token, the leftmost first. (llama.cpp's converter writes −1000 for all tokens.)
   *
   * @param tokens the spelling of each token
   * @param merges pairs of spellings with a space between, in the order of their rank
   */
  TokenModel read(List<String> tokens, List<String> merges) {
    if (json.root().path("model").path("ignore_merges").asBoolean(false)) {
      throw json.unsupported("model with byte_fallback and ignore_merges", "one of them");
    }
    SpacePrefix prefix = spacePrefix();
    checkDecoder();
    return new TokenModel.SentencePieceBpe(scores(tokens, merges), merges, prefix);
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
  private SpacePrefix spacePrefix() {
    boolean replaced = false;
    SpacePrefix prefix = SpacePrefix.NEVER;
    for (JsonNode step : json.steps("normalizer")) {
      switch (TokenizerJson.type(step)) {
        case "Prepend" -> {
          if (replaced || !step.path("prepend").asString("").equals(SPACE)) {
            throw json.unsupported("normalizer Prepend of other than a first " + SPACE, SPACE);
          }
          prefix = SpacePrefix.EACH;
        }
        case "Replace" -> {
          boolean space = TokenizerJson.literal(step).equals(" ");
          if (!space || !step.path("content").asString("").equals(SPACE)) {
            throw json.unsupported("normalizer Replace of other than spaces", "' ' by " + SPACE);
          }
          replaced = true;
        }
        default -> throw json.unsupported("normalizer", step, "Prepend and Replace");
      }
    }
    for (JsonNode step : json.steps("pre_tokenizer")) {
      boolean splitsSpaces =
          TokenizerJson.type(step).equals("Split") && TokenizerJson.literal(step).equals(" ");
      if (splitsSpaces && replaced) {
        continue; // the normalizer has left none
      }
      if (!TokenizerJson.type(step).equals("Metaspace") || replaced) {
        throw json.unsupported("pre_tokenizer", step, "Metaspace, or Replace as a normalizer");
      }
      prefix = metaspace(step);
      replaced = true;
    }
    if (!replaced) {
      throw json.unsupported("byte_fallback without Replace or Metaspace", "one of these");
    }
    checkAddedTokens(prefix);
    return prefix;
  }

  private SpacePrefix metaspace(JsonNode step) {
    if (!step.path("replacement").asString("").equals(SPACE)) {
      throw json.unsupported("Metaspace with another replacement", SPACE);
    }
    if (step.path("split").asBoolean(true)) {
      throw json.unsupported("Metaspace with split", "one without it");
    }
    String scheme = step.path("prepend_scheme").asString("always");
    return switch (scheme) {
      case "always" -> SpacePrefix.MISSING;
      case "first" -> SpacePrefix.FIRST_MISSING;
      case "never" -> SpacePrefix.NEVER;
      default -> throw json.unsupported("prepend_scheme '" + scheme + "'", "always, first, never");
    };
  }

  /** Where the normalizer changes a token too, that is looked for in the normalized text. */
  private void checkAddedTokens(SpacePrefix prefix) {
    boolean normalizes = !json.steps("normalizer").isEmpty();
    for (JsonNode token : json.root().path("added_tokens")) {
      String content = token.path("content").asString("");
      boolean changes =
          prefix == SpacePrefix.EACH || content.contains(" ") || content.contains(SPACE);
      if (normalizes && changes && token.path("normalized").asBoolean(false)) {
        throw json.unsupported(
            "added token '" + content + "' with normalized", "one without it for this normalizer");
      }
    }
  }

  private void checkDecoder() {
    for (JsonNode step : json.steps("decoder")) {
      switch (TokenizerJson.type(step)) {
        case "Replace", "ByteFallback", "Fuse", "Strip", "Metaspace" -> {}
        default ->
            throw json.unsupported(
                "decoder", step, "Replace, ByteFallback, Fuse, Strip, Metaspace");
      }
    }
  }
}
