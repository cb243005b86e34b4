package dev.vidrio.model.encoder;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.model.Model;
import dev.vidrio.model.evaluation.Embeddings;
import dev.vidrio.model.evaluation.Embeddings.Pooling;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Modules of sentence-transformers after a model, against their formulas. */
class SentenceModulesTest {
  private static final Path BERT = Path.of("src/test/resources/dev/vidrio/model/encoder/bert");
  private static final int[] TEXT = {5, 9, 3, 33, 7};
  private static final int D = 32;

  @TempDir private Path directory;

  @BeforeEach
  void copyModel() throws IOException {
    for (String file : List.of("config.json", "model.safetensors")) {
      Files.copy(BERT.resolve(file), directory.resolve(file));
    }
  }

  private void write(String file, String text) {
    try {
      Path path = directory.resolve(file);
      Files.createDirectories(path.getParent());
      Files.writeString(path, text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String module(int index, String path, String type) {
    return "{\"idx\": %d, \"path\": \"%s\", \"type\": \"sentence_transformers.models.%s\"}"
        .formatted(index, path, type);
  }

  private void modules(String... more) {
    write(
        "modules.json",
        "["
            + module(0, "", "Transformer")
            + ", "
            + module(1, "1_Pooling", "Pooling")
            + (more.length == 0 ? "" : ", " + String.join(", ", more))
            + "]");
  }

  /** Writes a layer [2, D] with rows that select the first two elements of its input. */
  private void dense(String activation) throws IOException {
    write(
        "2_Dense/config.json",
        "{\"in_features\": 32, \"out_features\": 2, \"activation_function\": \""
            + activation
            + "\"}");
    int bytes = 4 * (2 * D + 2);
    byte[] header =
        ("{\"linear.weight\": {\"dtype\": \"F32\", \"shape\": [2, 32], \"data_offsets\": [0, 256]},"
                + " \"linear.bias\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [256,"
                + " 264]}}")
            .getBytes(StandardCharsets.UTF_8);
    ByteBuffer buffer =
        ByteBuffer.allocate(8 + header.length + bytes).order(ByteOrder.LITTLE_ENDIAN);
    buffer.putLong(header.length).put(header);
    for (int i = 0; i < 2 * D; i++) {
      buffer.putFloat(i == 0 || i == D + 1 ? 1 : 0);
    }
    buffer.putFloat(0.5f).putFloat(-0.5f);
    Files.write(directory.resolve("2_Dense/model.safetensors"), buffer.array());
  }

  private float[] embed(Model model) {
    return Embeddings.of(
            model,
            List.of(TEXT),
            Embeddings.pooling(model),
            Embeddings.normalizes(model),
            done -> {})
        .getFirst();
  }

  @Test
  void usesPoolingAndNormalizationOfFile() {
    write("1_Pooling/config.json", "{\"pooling_mode_cls_token\": true}");
    modules(module(2, "2_Normalize", "Normalize"));
    try (Model model = Model.open(directory);
        Model plain = Model.open(BERT)) {
      assertEquals(Pooling.FIRST, Embeddings.pooling(model));
      assertTrue(Embeddings.normalizes(model));
      assertFalse(Embeddings.normalizes(plain));
      float[] first =
          Embeddings.of(plain, List.of(TEXT), Pooling.FIRST, true, done -> {}).getFirst();
      assertArrayEquals(first, embed(model));
    }
  }

  @Test
  void readsPrompts() {
    write("1_Pooling/config.json", "{\"pooling_mode\": \"mean\"}");
    write(
        "config_sentence_transformers.json",
        "{\"prompts\": {\"query\": \"task: search result | query: \", \"document\": \"title: none |"
            + " text: \"}, \"default_prompt_name\": null}");
    modules();
    try (Model model = Model.open(directory);
        Model plain = Model.open(BERT)) {
      assertEquals("task: search result | query: ", Embeddings.prompt(model, "query"));
      assertEquals("title: none | text: ", Embeddings.prompt(model, "document"));
      String message =
          assertThrows(InvalidInputException.class, () -> Embeddings.prompt(model, "summary"))
              .getMessage();
      assertTrue(message.endsWith("available: query, document"), message);
      assertThrows(InvalidInputException.class, () -> Embeddings.prompt(plain, "query"));
    }
  }

  @Test
  void appliesDenseLayers() throws IOException {
    write("1_Pooling/config.json", "{\"pooling_mode\": \"max\"}");
    modules(module(2, "2_Dense", "Dense"));
    dense("torch.nn.modules.activation.Tanh");
    try (Model model = Model.open(directory);
        Model plain = Model.open(BERT)) {
      float[] maxima =
          Embeddings.of(plain, List.of(TEXT), Pooling.MAX, false, done -> {}).getFirst();
      float[] expected = {
        (float) StrictMath.tanh(maxima[0] + 0.5f), (float) StrictMath.tanh(maxima[1] - 0.5f)
      };
      assertArrayEquals(expected, embed(model));
      assertEquals(2, Embeddings.width(model));
    }
  }

  @Test
  void rejectsUnsupportedModules() throws IOException {
    write("1_Pooling/config.json", "{\"pooling_mode_weightedmean_tokens\": true}");
    modules();
    assertThrows(UnsupportedModelException.class, () -> Model.open(directory));
    write("1_Pooling/config.json", "{\"pooling_mode_mean_tokens\": true}");
    modules(module(2, "2_CNN", "CNN"));
    assertThrows(UnsupportedModelException.class, () -> Model.open(directory));
    modules(module(2, "2_Dense", "Dense"));
    dense("torch.nn.modules.activation.ReLU");
    assertThrows(UnsupportedModelException.class, () -> Model.open(directory));
  }

  @Test
  void rejectsPathsOutOfTheDirectory() throws IOException {
    write("1_Pooling/config.json", "{\"pooling_mode_mean_tokens\": true}");
    for (String path : List.of("../other", "2_Dense/../../other", "/etc", "a\\u0000b")) {
      modules(module(2, path, "Dense"));
      var e = assertThrows(ModelFileException.class, () -> Model.open(directory));
      assertEquals("path", e.field());
    }
  }
}
