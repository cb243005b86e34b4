package dev.vidrio.tokenizer.huggingface;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.tokenizer.normalization.TextTransform;
import dev.vidrio.tokenizer.normalization.TextTransforms;
import dev.vidrio.tokenizer.regex.RegexSearch;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/**
 * Reads the {@code decoder} of a {@code tokenizer.json}, which converts the spelling of a token to
 * its text. Decoder steps that affect the beginning of the whole text, such as stripping the
 * prepended space, are not applied: the bytes of a token do not depend on its position.
 */
public final class DecoderReader {

  private final TokenizerJson json;

  private DecoderReader(TokenizerJson json) {
    this.json = json;
  }

  /**
   * The decoder of a tokenizer.
   *
   * @param spelling transforms a token's spelling
   * @param isByteLevel whether the result is in GPT-2's byte alphabet
   */
  public record Decoder(TextTransform spelling, boolean isByteLevel) {}

  /**
   * Reads the decoder of serialized pipeline stages.
   *
   * @param file the name of the file in errors
   * @throws UnsupportedModelException if a step is not supported
   * @throws ModelFileException if the stages are not JSON
   */
  public static Decoder read(String file, String stages) {
    return new DecoderReader(TokenizerJson.parse(file, stages)).read();
  }

  private Decoder read() {
    List<TextTransform> steps = new ArrayList<>();
    boolean byteLevel =
        json.steps("pre_tokenizer").stream()
            .anyMatch(step -> TokenizerJson.type(step).equals("ByteLevel"));
    boolean fused = false;
    for (JsonNode step : json.steps("decoder")) {
      switch (TokenizerJson.type(step)) {
        case "Replace" ->
            steps.add(TextTransforms.replace(json.pattern(step), json.shortText(step, "content")));
        case "Metaspace" ->
            steps.add(
                TextTransforms.replace(
                    RegexSearch.literal(step.path("replacement").asString("▁")), " "));
        case "ByteLevel" -> byteLevel = true;
        case "ByteFallback" -> {}
        case "Fuse" -> fused = true;
        case "Strip" -> {
          if (!fused) {
            throw json.unsupported("decoder Strip without Fuse before it", "one after it");
          }
        }
        default ->
            throw json.unsupported(
                "decoder", step, "Replace, ByteFallback, Fuse, Strip, Metaspace, ByteLevel");
      }
    }
    return new Decoder(TextTransform.sequence(steps), byteLevel);
  }
}
