package dev.vidrio.tokenizer.huggingface;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.tokenizer.normalization.TextTransform;
import dev.vidrio.tokenizer.normalization.TextTransforms;
import dev.vidrio.tokenizer.vocabulary.Charsmap;
import dev.vidrio.tokenizer.vocabulary.Normalization;
import java.util.Base64;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** Reads the {@code normalizer} of a {@code tokenizer.json}. */
final class NormalizerReader {

  private final TokenizerJson json;

  NormalizerReader(TokenizerJson json) {
    this.json = json;
  }

  TextTransform read() {
    List<TextTransform> steps = json.steps("normalizer").stream().map(this::step).toList();
    return TextTransform.sequence(steps);
  }

  private TextTransform step(JsonNode step) {
    String type = TokenizerJson.type(step);
    return switch (type) {
      case "NFC", "NFD", "NFKC", "NFKD" -> Normalization.valueOf(type)::apply;
      case "Lowercase" -> TextTransforms::lowercase;
      case "StripAccents" -> TextTransforms::stripAccents;
      case "ByteLevel" -> TextTransforms::spellBytes;
      case "Strip" ->
          TextTransforms.strip(
              step.path("strip_left").asBoolean(true), step.path("strip_right").asBoolean(true));
      case "Prepend" -> TextTransforms.prepend(json.shortText(step, "prepend"), false);
      case "Replace" -> TextTransforms.replace(json.pattern(step), json.shortText(step, "content"));
      case "Precompiled" -> TextTransforms.replace(charsmap(step.path("precompiled_charsmap")));
      default ->
          throw json.unsupported(
              "normalizer",
              step,
              "NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, ByteLevel, Strip, Prepend, Replace,"
                  + " Precompiled");
    };
  }

  private Charsmap charsmap(JsonNode value) {
    try {
      return new Charsmap(Base64.getDecoder().decode(value.asString("")));
    } catch (IllegalArgumentException e) {
      throw new ModelFileException(
          json.file(),
          "precompiled_charsmap",
          value.asString("").length() + " characters",
          "must be base64 of a table: " + e.getMessage());
    }
  }
}
