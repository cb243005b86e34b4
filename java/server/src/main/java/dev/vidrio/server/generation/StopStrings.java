package dev.vidrio.server.generation;

import dev.vidrio.model.generation.FinishReason;
import dev.vidrio.model.generation.GenerationResult;
import dev.vidrio.tokenizer.TokenDecoder;
import dev.vidrio.tokenizer.Tokenizer;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/** Finds which stop string ended an answer. */
public final class StopStrings {
  private StopStrings() {}

  /**
   * Returns the stop string that ended an answer; empty if something else did. The tokens of a
   * result include those of the stop string, and its text does not.
   *
   * @param stops the stop strings of the request
   */
  public static Optional<String> found(
      Tokenizer tokenizer, List<String> stops, GenerationResult result) {
    if (result.finish() != FinishReason.STOP || stops.isEmpty()) {
      return Optional.empty();
    }
    TokenDecoder decoder = tokenizer.streamingDecoder(true);
    var text = new StringBuilder();
    result.tokens().forEach(id -> text.append(decoder.accept(id)));
    String whole = text.append(decoder.finish()).toString();
    int end = result.text().length();
    return stops.stream()
        .filter(stop -> whole.startsWith(stop, end))
        .min(Comparator.comparingInt(String::length));
  }
}
