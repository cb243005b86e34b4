package dev.vidrio.tokenizer.huggingface;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vidrio.tokenizer.Tokenizer;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Small tokenizer.json files, with the ids that Hugging Face tokenizers give for sample texts; from
 * generate_pipelines.py.
 *
 * @param name the name of the pipeline
 * @param file the tokenizer.json
 * @param texts the sample texts
 * @param ids the ids of each text, including those that the post-processor adds
 * @param decoded the decoded text of each sample, or an empty list
 */
record HuggingFacePipelines(
    String name, ObjectNode file, JsonNode texts, JsonNode ids, JsonNode decoded) {

  private static final List<String> STAGES =
      List.of("added_tokens", "normalizer", "pre_tokenizer", "post_processor", "decoder");

  @Override
  public String toString() {
    return name;
  }

  /** Reads all pipelines of a resource. */
  static List<HuggingFacePipelines> read(String resource) throws IOException {
    try (InputStream in = HuggingFacePipelines.class.getResourceAsStream(resource)) {
      JsonNode all = new JsonMapper().readTree(Objects.requireNonNull(in));
      List<HuggingFacePipelines> pipelines = new ArrayList<>();
      for (JsonNode pipeline : all.get("pipelines")) {
        ObjectNode file = new JsonMapper().createObjectNode();
        STAGES.forEach(stage -> file.set(stage, pipeline.get(stage)));
        ObjectNode model = file.putObject("model");
        for (JsonNode options : List.of(all.get("model"), pipeline.get("model"))) {
          for (Map.Entry<String, JsonNode> option : options.properties()) {
            model.set(option.getKey(), option.getValue());
          }
        }
        pipelines.add(
            new HuggingFacePipelines(
                pipeline.get("name").stringValue(),
                file,
                all.get("texts"),
                pipeline.get("ids"),
                pipeline.path("decoded")));
      }
      return pipelines;
    }
  }

  /** Reads one pipeline. */
  static HuggingFacePipelines read(String resource, String name) throws IOException {
    return read(resource).stream()
        .filter(pipeline -> pipeline.name.equals(name))
        .findFirst()
        .orElseThrow();
  }

  void check(Tokenizer tokenizer) {
    for (int i = 0; i < texts.size(); i++) {
      String text = texts.get(i).stringValue();
      int[] expected = ids.get(i).valueStream().mapToInt(JsonNode::intValue).toArray();
      int[] actual = tokenizer.encode(text);
      assertEquals(Arrays.toString(expected), Arrays.toString(actual), name + ": '" + text + "'");
      if (decoded.isArray()) {
        assertEquals(decoded.get(i).stringValue(), tokenizer.decode(actual), name);
      }
    }
  }
}
