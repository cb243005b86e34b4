package dev.vidrio.tokenizer.huggingface;

import dev.vidrio.tokenizer.vocabulary.Normalization;
import dev.vidrio.tokenizer.vocabulary.TokenModel;
import dev.vidrio.tokenizer.word.PreTokenizer;
import dev.vidrio.tokenizer.word.WordPatterns;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/**
 * Recognizes byte-level BPE with the word patterns of a known model family in a {@code
 * tokenizer.json}.
 */
final class ByteLevelReader {

  private static final List<String> FORMS = List.of("NFD", "NFC", "NFKD", "NFKC");

  private ByteLevelReader() {}

  /** Returns the model, if the file describes such a tokenizer. */
  static Optional<TokenModel> read(TokenizerJson json, List<String> merges) {
    List<JsonNode> normalizers = json.steps("normalizer");
    Normalization normalization = Normalization.NONE;
    if (!normalizers.isEmpty()) {
      String form = TokenizerJson.type(normalizers.getFirst());
      if (normalizers.size() > 1 || !FORMS.contains(form)) {
        return Optional.empty();
      }
      normalization = Normalization.valueOf(form);
    }
    boolean decodes =
        json.steps("decoder").stream()
            .allMatch(step -> TokenizerJson.type(step).equals("ByteLevel"));
    Normalization before = normalization;
    boolean ignoreMerges = json.root().path("model").path("ignore_merges").asBoolean(false);
    return patterns(json)
        .filter(patterns -> decodes)
        .flatMap(patterns -> PreTokenizer.nameOf(patterns, ignoreMerges))
        .map(name -> new TokenModel.ByteLevelBpe(name, merges, before));
  }

  /** Returns the split patterns, if exactly the last step converts bytes to the byte alphabet. */
  private static Optional<List<String>> patterns(TokenizerJson json) {
    List<JsonNode> steps = json.steps("pre_tokenizer");
    List<String> patterns = new ArrayList<>();
    for (int i = 0; i < steps.size(); i++) {
      JsonNode step = steps.get(i);
      boolean last = i == steps.size() - 1;
      if (TokenizerJson.type(step).equals("ByteLevel") != last) {
        return Optional.empty();
      }
      Optional<String> pattern = pattern(step);
      if (pattern.isPresent()) {
        patterns.add(pattern.get());
      } else if (!last || step.path("use_regex").asBoolean(true)) {
        return Optional.empty();
      }
    }
    boolean prefix = steps.isEmpty() || steps.getLast().path("add_prefix_space").asBoolean(true);
    return prefix ? Optional.empty() : Optional.of(patterns);
  }

  private static Optional<String> pattern(JsonNode step) {
    return switch (TokenizerJson.type(step)) {
      case "ByteLevel" ->
          Optional.of(WordPatterns.GPT_2).filter(regex -> step.path("use_regex").asBoolean(true));
      case "Digits" ->
          Optional.of(
              step.path("individual_digits").asBoolean(false)
                  ? WordPatterns.DIGIT_ALONE
                  : WordPatterns.NUMBERS);
      case "Split" -> {
        boolean isolated = step.path("behavior").asString("").equals("Isolated");
        boolean plain = isolated && !step.path("invert").asBoolean(false);
        String regex = step.path("pattern").path("Regex").asString("");
        yield Optional.of(regex).filter(pattern -> plain && !pattern.isEmpty());
      }
      default -> Optional.empty();
    };
  }
}
