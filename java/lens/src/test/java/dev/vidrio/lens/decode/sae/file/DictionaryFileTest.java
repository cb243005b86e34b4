package dev.vidrio.lens.decode.sae.file;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.sae.DictionaryFixtures;
import dev.vidrio.lens.decode.sae.file.DictionaryFile.Contents;
import dev.vidrio.lens.decode.sae.file.DictionaryFile.Kind;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Directories that other programs wrote. */
class DictionaryFileTest {
  @TempDir private Path directory = Path.of("");

  /** The kind by names of files is that of the open files. */
  @ParameterizedTest
  @CsvSource({
    "standard, SINGLE, 0, 1",
    "temporal, TEMPORAL, 0, 1",
    "sparsify/layers.1.mlp, SINGLE, 0, 1",
    "sparsify, DIRECTORIES, 0, 1",
    "circuit-tracer, LAYERS, 2, 2",
    "cross-layer, CROSS_LAYER, 2, 2",
    "crosscoder-batchtopk, CROSSCODER, 0, 1",
  })
  void recognizesContents(String name, Kind kind, int layers, int dictionaries) throws IOException {
    Path files = DictionaryFixtures.path(name);
    assertEquals(Optional.of(new Contents(kind, layers)), DictionaryFile.contents(files));
    String architecture = kind == Kind.CROSS_LAYER ? "qwen2" : "gpt2";
    Path written = TinyModels.write(directory.resolve("model.gguf"), architecture);
    try (Model model = Model.open(written);
        DictionaryFile file = DictionaryFile.open(Lens.of(model), files)) {
      Class<? extends DictionaryFile> expected =
          switch (kind) {
            case SINGLE, DIRECTORIES, LAYERS -> DictionaryFile.Single.class;
            case TEMPORAL -> DictionaryFile.Temporal.class;
            case CROSS_LAYER -> DictionaryFile.CrossLayer.class;
            case CROSSCODER -> DictionaryFile.Shared.class;
          };
      assertEquals(expected, file.getClass());
      assertEquals(dictionaries, file.dictionaries().size());
    }
  }

  /** Both have config.json and model.safetensors. */
  @Test
  void modelsOfTransformersAreNotCrosscoders() throws IOException {
    Files.createFile(directory.resolve("model.safetensors"));
    Path config = Files.writeString(directory.resolve("config.json"), "{\"model_type\": \"bert\"}");
    assertEquals(Optional.empty(), DictionaryFile.contents(directory));
    Files.writeString(config, "damaged");
    assertEquals(Optional.of(new Contents(Kind.CROSSCODER, 0)), DictionaryFile.contents(directory));
  }

  @Test
  void reportsMissingDirectories() {
    Path missing = directory.resolve("missing");
    var e = assertThrows(InvalidInputException.class, () -> DictionaryFile.contents(missing));
    assertTrue(String.valueOf(e.getMessage()).contains("missing"), e.getMessage());
  }
}
