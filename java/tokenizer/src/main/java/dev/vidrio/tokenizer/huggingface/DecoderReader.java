package dev.vidrio.tokenizer.huggingface;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.tokenizer.normalization.TextStep;
import dev.vidrio.tokenizer.normalization.TextSteps;
import dev.vidrio.tokenizer.regex.RegexSearch;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/**
 * Reads the {@code decoder} of a {@code tokenizer.json}: what turns the spelling of a token into
 * its text. What decoders do to the beginning of a whole text, such as taking the space away that
 * was put before it, is left undone: a token's text does not depend on its place.
 */
public final class DecoderReader {

  private final TokenizerJson json;

  private DecoderReader(TokenizerJson json) {
    this.json = json;
  }

  /**
   * The steps.
   *
   * @param spelling changes the spelling
   * @param isByteLevel whether the spelling is in the alphabet of GPT-2
   */
  public record Decoder(TextStep spelling, boolean isByteLevel) {}

  /**
   * Reads the decoder of stages that a file holds.
   *
   * @param file its name, for errors
   * @throws UnsupportedModelException if it has what is not supported
   * @throws ModelFileException if they are no JSON
   */
  public static Decoder read(String file, String stages) {
    return new DecoderReader(TokenizerJson.parse(file, stages)).read();
  }

  private Decoder read() {
    List<TextStep> steps = new ArrayList<>();
    boolean byteLevel =
        json.steps("pre_tokenizer").stream()
            .anyMatch(step -> TokenizerJson.type(step).equals("ByteLevel"));
    boolean fused = false;
    for (JsonNode step : json.steps("decoder")) {
      switch (TokenizerJson.type(step)) {
        case "Replace" ->
            steps.add(TextSteps.replace(json.pattern(step), json.shortText(step, "content")));
        case "Metaspace" ->
            steps.add(
                TextSteps.replace(
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
    return new Decoder(TextStep.inTurn(steps), byteLevel);
  }
}
