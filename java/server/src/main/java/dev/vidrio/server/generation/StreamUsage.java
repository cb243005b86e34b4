package dev.vidrio.server.generation;

import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonValue;

/** Which chunks of a stream report the usage. */
public enum StreamUsage {
  /** No chunk. */
  NONE,
  /** An additional last chunk. */
  LAST,
  /** An additional last chunk, and each chunk up to it: vLLM's {@code continuous_usage_stats}. */
  EACH;

  /** Reads {@code stream_options}. */
  public static StreamUsage read(JsonFields fields, boolean stream) {
    JsonValue value = fields.value("stream_options");
    if (value == null) {
      return NONE;
    }
    if (!stream) {
      throw ApiException.invalid("stream_options", "needs stream to be true");
    }
    JsonFields options = value.fields();
    boolean usage = options.bool("include_usage", false);
    boolean each = options.bool("continuous_usage_stats", false);
    if (each && !usage) {
      throw ApiException.invalid(
          options.path("continuous_usage_stats"), "needs include_usage to be true");
    }
    if (options.bool("include_obfuscation", false)) {
      throw ApiException.unsupported(options.path("include_obfuscation"), "not supported");
    }
    options.end();
    return each ? EACH : usage ? LAST : NONE;
  }
}
