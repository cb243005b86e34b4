package dev.vidrio.cli.lens.detect;

import dev.vidrio.cli.io.Json;
import dev.vidrio.lens.detect.HeadScores;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Attention scores of a head, as JSON. */
public final class HeadJson {
  private HeadJson() {}

  /** Returns the scores of a head, null for undefined ones. */
  public static Map<String, @Nullable Object> contents(HeadScores scores) {
    Map<String, @Nullable Object> result = new LinkedHashMap<>();
    result.put("layer", scores.layer());
    result.put("head", scores.head());
    result.put("entropy_bits", Json.finite(scores.entropy()));
    result.put("current", Json.finite(scores.current()));
    result.put("previous", Json.finite(scores.previous()));
    result.put("first", Json.finite(scores.first()));
    result.put("duplicate", Json.finite(scores.duplicate()));
    result.put("induction", Json.finite(scores.induction()));
    return result;
  }
}
