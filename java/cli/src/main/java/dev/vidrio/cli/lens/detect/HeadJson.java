package dev.vidrio.cli.lens.detect;

import dev.vidrio.cli.io.Json;
import dev.vidrio.lens.detect.HeadScores;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Where a head looks, as JSON. */
public final class HeadJson {
  private HeadJson() {}

  /** The scores of a head; null where there was nothing to look at. */
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
