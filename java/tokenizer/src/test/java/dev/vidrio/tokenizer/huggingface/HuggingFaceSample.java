package dev.vidrio.tokenizer.huggingface;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.vidrio.tokenizer.EncodeOptions;
import dev.vidrio.tokenizer.Tokenizer;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Objects;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * A small tokenizer.json, with the ids that Hugging Face tokenizers give for sample texts; from
 * generate.py.
 */
public record HuggingFaceSample(ObjectNode file, JsonNode samples) {

  private static final EncodeOptions OPTIONS = new EncodeOptions(true, false);

  /** Reads one pipeline of a resource. */
  public static HuggingFaceSample read(String resource, String name) throws IOException {
    try (InputStream in = HuggingFaceSample.class.getResourceAsStream(resource)) {
      ObjectNode file = (ObjectNode) new JsonMapper().readTree(Objects.requireNonNull(in));
      JsonNode pipeline =
          file.remove("pipelines")
              .valueStream()
              .filter(candidate -> candidate.get("name").stringValue().equals(name))
              .findFirst()
              .orElseThrow();
      for (String stage : List.of("added_tokens", "normalizer", "pre_tokenizer")) {
        file.set(stage, pipeline.get(stage));
      }
      return new HuggingFaceSample(file, pipeline.get("samples"));
    }
  }

  public void check(Tokenizer tokenizer) {
    for (JsonNode sample : samples) {
      int[] expected = sample.get(1).valueStream().mapToInt(JsonNode::intValue).toArray();
      String text = sample.get(0).stringValue();
      assertArrayEquals(expected, tokenizer.encode(text, OPTIONS), text);
    }
  }
}
