package dev.vidrio.cli.lens.detect;

import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.lens.detect.HeadScores;

/** Attention scores of a head, as JSON. */
public final class HeadJson {
  private HeadJson() {}

  /** Returns the scores of a head, null for undefined ones. */
  public static JsonObject contents(HeadScores scores) {
    return new JsonObject()
        .with("layer", scores.layer())
        .with("head", scores.head())
        .with("entropy_bits", Json.finite(scores.entropy()))
        .with("current", Json.finite(scores.current()))
        .with("previous", Json.finite(scores.previous()))
        .with("first", Json.finite(scores.first()))
        .with("duplicate", Json.finite(scores.duplicate()))
        .with("induction", Json.finite(scores.induction()));
  }
}
