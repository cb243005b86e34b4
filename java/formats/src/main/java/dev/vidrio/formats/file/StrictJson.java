package dev.vidrio.formats.file;

import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** Readers of strangers' JSON: within limits, no key twice, nothing behind its end. */
public final class StrictJson {
  private StrictJson() {}

  /** A reader with limits of its own. */
  public static JsonMapper.Builder mapper(StreamReadConstraints limits) {
    return JsonMapper.builder(
            JsonFactory.builder()
                .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                .streamReadConstraints(limits)
                .build())
        .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);
  }

  /** A reader of so many levels of objects and arrays. */
  public static JsonMapper.Builder mapper(int maxDepth) {
    return mapper(StreamReadConstraints.builder().maxNestingDepth(maxDepth).build());
  }
}
