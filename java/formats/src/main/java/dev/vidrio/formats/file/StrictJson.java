package dev.vidrio.formats.file;

import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** Builds Jackson mappers for untrusted JSON: bounded, no duplicate keys, no trailing content. */
public final class StrictJson {
  private StrictJson() {}

  /** Returns a builder of a mapper with the given limits. */
  public static JsonMapper.Builder mapper(StreamReadConstraints limits) {
    return JsonMapper.builder(
            JsonFactory.builder()
                .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                .streamReadConstraints(limits)
                .build())
        .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);
  }

  /** Returns a builder of a mapper with a maximum nesting depth of objects and arrays. */
  public static JsonMapper.Builder mapper(int maxDepth) {
    return mapper(StreamReadConstraints.builder().maxNestingDepth(maxDepth).build());
  }
}
