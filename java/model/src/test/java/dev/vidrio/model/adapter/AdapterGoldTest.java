package dev.vidrio.model.adapter;

import static dev.vidrio.model.testfiles.Closeness.assertClose;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.vidrio.formats.testfiles.SafetensorsFile;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Compares adapters of tiny models with PEFT and with llama.cpp's converter. */
class AdapterGoldTest {
  private static final Path ADAPTERS = Path.of("src/test/resources/dev/vidrio/model/adapter");

  /** Relative tolerance: some hundred roundings of 2⁻²⁴ with a margin. */
  private static final double TOLERANCE = 1e-4;

  static Stream<String> saved() {
    return Stream.of(
        "bloom",
        "gemma3",
        "gpt2",
        "gptneox",
        "laguna",
        "llama",
        "mistral",
        "mixtral",
        "phi3",
        "qwen2",
        "qwen35moe");
  }

  static Stream<String> converted() {
    return saved().filter(name -> Files.exists(ADAPTERS.resolve(name).resolve("adapter.gguf")));
  }

  @ParameterizedTest
  @MethodSource("saved")
  void logitsMatchPeft(String name, @TempDir Path directory) throws IOException {
    SafetensorsFile expected =
        SafetensorsFile.read(ADAPTERS.resolve(name).resolve("expected.safetensors"));
    try (Model model = Model.open(TinyModels.write(directory.resolve("model.gguf"), name));
        Adapter adapter = model.openAdapter(ADAPTERS.resolve(name))) {
      float[] logits = logits(model, adapter, expected.ints("tokens"));
      assertClose(expected.floats("logits"), logits, TOLERANCE);
    }
  }

  /** For adapters that the converter supports, both files give equal updates. */
  @ParameterizedTest
  @MethodSource("converted")
  void convertedFileEqualsPeftDirectory(String name, @TempDir Path directory) throws IOException {
    int[] tokens =
        SafetensorsFile.read(ADAPTERS.resolve(name).resolve("expected.safetensors")).ints("tokens");
    Path gguf = ADAPTERS.resolve(name).resolve("adapter.gguf");
    try (Model model = Model.open(TinyModels.write(directory.resolve("model.gguf"), name));
        Adapter saved = model.openAdapter(ADAPTERS.resolve(name));
        Adapter converted = model.openAdapter(gguf)) {
      assertArrayEquals(logits(model, saved, tokens), logits(model, converted, tokens));
    }
  }

  private static float[] logits(Model model, Adapter adapter, int[] tokens) {
    int n = tokens.length;
    var options = SessionOptions.exact(n, n, 1, n).withAdaptation(new Adaptation(adapter, 1));
    int vocabulary = model.architecture().vocabulary();
    var logits = new float[n * vocabulary];
    try (Session session = model.newSession(options);
        Sequence sequence = session.newSequence()) {
      session.begin();
      for (int token : tokens) {
        session.add(sequence, token, true);
      }
      session.run();
      for (int i = 0; i < n; i++) {
        float[] row = session.logits(i).toArray(JAVA_FLOAT);
        System.arraycopy(row, 0, logits, i * vocabulary, vocabulary);
      }
    }
    return logits;
  }
}
