package dev.vidrio.model.encoder;

import static dev.vidrio.model.testfiles.Closeness.assertClose;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.testfiles.SafetensorsFile;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvType;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import dev.vidrio.model.evaluation.Classification;
import dev.vidrio.model.evaluation.Embeddings;
import dev.vidrio.model.evaluation.Embeddings.Pooling;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.model.testfiles.TestExecutors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Encoders against transformers, which wrote tiny random models (generate.py), or against their
 * formulas in double (formulas.py).
 */
class EncodersTest {
  private static final Path DIRECTORY = Path.of("src/test/resources/dev/vidrio/model/encoder");

  /** Largest difference over the largest magnitude: some roundings of 2⁻²⁴ in each layer. */
  private static final double TOLERANCE = 1e-5;

  /** The converter leaves out BERT's pooler, so that the file has another classifier. */
  private static final String WITHOUT_POOLER = "bert-classifier";

  static Stream<String> names() throws IOException {
    try (Stream<Path> files = Files.list(DIRECTORY)) {
      return files
          .filter(Files::isDirectory)
          .map(file -> file.getFileName().toString())
          .sorted()
          .toList()
          .stream();
    }
  }

  private static SafetensorsFile expected(String name) throws IOException {
    return SafetensorsFile.read(DIRECTORY.resolve(name).resolve("expected.safetensors"));
  }

  /** Returns the forms in which a fixture has its model: a directory, a GGUF file, or both. */
  private static List<Path> forms(String name) {
    Path directory = DIRECTORY.resolve(name);
    List<Path> forms = new ArrayList<>();
    if (Files.exists(directory.resolve("config.json"))) {
      forms.add(directory);
    }
    if (Files.exists(directory.resolve("model.gguf"))) {
      forms.add(directory.resolve("model.gguf"));
    }
    return forms;
  }

  /** Returns the hidden states [n, d] of tokens, by an own session. */
  private static float[] hidden(Model model, int[] tokens, int[] types) {
    int width = model.architecture().width();
    var hidden = new float[tokens.length * width];
    try (Session session =
        model.newSession(new SessionOptions(64, 64, 1, 64).withKvType(KvType.F32))) {
      Sequence sequence = session.newSequence();
      session.begin();
      for (int i = 0; i < tokens.length; i++) {
        session.add(sequence, tokens[i], types[i], true);
      }
      session.run();
      for (int i = 0; i < tokens.length; i++) {
        for (int j = 0; j < width; j++) {
          hidden[i * width + j] = session.logits(i).getAtIndex(JAVA_FLOAT, j);
        }
      }
    }
    return hidden;
  }

  @ParameterizedTest
  @MethodSource("names")
  void hiddenStatesAreThoseOfTransformers(String name) throws IOException {
    SafetensorsFile expected = expected(name);
    for (Path form : forms(name)) {
      try (Model model = Model.open(form)) {
        assertClose(
            expected.floats("hidden"),
            hidden(model, expected.ints("tokens"), expected.ints("types")),
            TOLERANCE);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("names")
  void logitsOfClassesAreThoseOfTransformers(String name) throws IOException {
    SafetensorsFile expected = expected(name);
    for (Path form : forms(name)) {
      if (name.equals(WITHOUT_POOLER) && Files.isRegularFile(form)) {
        continue;
      }
      try (Model model = Model.open(form)) {
        List<int[]> ids = List.of(expected.ints("tokens"));
        List<int[]> types = List.of(expected.ints("types"));
        if (Classification.isSupported(model)) {
          assertClose(
              expected.floats("logits"),
              Classification.logits(model, ids, types, done -> {}).getFirst(),
              TOLERANCE);
        } else {
          assertThrows(
              InvalidInputException.class,
              () -> Classification.logits(model, ids, types, done -> {}));
        }
      }
    }
  }

  /** GTE's own configurations name NTK scaling; one form of it is known. */
  @Test
  void rejectsMixedNtkScaling(@TempDir Path directory) throws IOException {
    Path gte = DIRECTORY.resolve("gte");
    String config = Files.readString(gte.resolve("config.json"));
    Files.writeString(
        directory.resolve("config.json"),
        config.replace("\"factor\": 8.0", "\"factor\": 8.0, \"mixed_b\": 0.5"));
    Files.copy(gte.resolve("model.safetensors"), directory.resolve("model.safetensors"));
    var refused = assertThrows(UnsupportedModelException.class, () -> Model.open(directory));
    assertTrue(refused.getMessage().contains("mixed_b"), refused.getMessage());
  }

  private static List<int[]> texts(int count, long seed) {
    var random = new Random(seed);
    List<int[]> texts = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      texts.add(random.ints(1 + random.nextInt(60), 3, 64).toArray());
    }
    return texts;
  }

  /** A text alone has the bits that it has in a batch, on every instruction set and in Java. */
  @ParameterizedTest
  @MethodSource("names")
  @Tag("long")
  void bitsDependOnTextAlone(String name) {
    List<int[]> texts = texts(64, 7);
    List<float[]> together;
    try (Model model = Model.open(forms(name).getFirst())) {
      together = Embeddings.of(model, texts, Pooling.MEAN, false, done -> {});
      for (int i = 0; i < texts.size(); i += 9) {
        List<int[]> alone = List.of(texts.get(i));
        assertArrayEquals(
            together.get(i),
            Embeddings.of(model, alone, Pooling.MEAN, false, done -> {}).getFirst());
      }
    }
    List<int[]> some = texts.subList(0, 12);
    TestExecutors.all(3).forEach(executor -> assertBits(together, name, some, executor));
  }

  private static void assertBits(
      List<float[]> expected, String name, List<int[]> texts, Supplier<Executor> executor) {
    try (Model model = Model.open(forms(name).getFirst(), ModelOptions.with(executor))) {
      List<float[]> actual = Embeddings.of(model, texts, Pooling.MEAN, false, done -> {});
      for (int i = 0; i < texts.size(); i++) {
        assertArrayEquals(expected.get(i), actual.get(i));
      }
    }
  }

  @Test
  void poolsTokens() {
    int[] text = texts(1, 5).getFirst();
    try (Model model = Model.open(forms("bert").getFirst())) {
      float[] hidden = hidden(model, text, new int[text.length]);
      int d = model.architecture().width();
      float[] last = Arrays.copyOfRange(hidden, hidden.length - d, hidden.length);
      var maxima = new float[d];
      Arrays.fill(maxima, Float.NEGATIVE_INFINITY);
      for (int i = 0; i < hidden.length; i++) {
        maxima[i % d] = Math.max(maxima[i % d], hidden[i]);
      }
      assertArrayEquals(Arrays.copyOf(hidden, d), embed(model, text, Pooling.FIRST));
      assertArrayEquals(last, embed(model, text, Pooling.LAST));
      assertArrayEquals(maxima, embed(model, text, Pooling.MAX));
    }
  }

  private static float[] embed(Model model, int[] text, Pooling pooling) {
    return Embeddings.of(model, List.of(text), pooling, false, done -> {}).getFirst();
  }

  @Test
  void rejectsWhatEncodersCannot() {
    try (Model model = Model.open(forms("roberta").getFirst())) {
      assertThrows(
          UnsupportedModelException.class,
          () -> model.generate(new int[] {3}, GenerationOptions.DEFAULT));
      assertThrows(InvalidInputException.class, () -> embed(model, new int[0], Pooling.MEAN));
      int[] tooLong = new int[65];
      assertThrows(InvalidInputException.class, () -> embed(model, tooLong, Pooling.MEAN));
      assertThrows(InvalidInputException.class, () -> embed(model, new int[] {64}, Pooling.MEAN));
      try (Session session = model.newSession(SessionOptions.DEFAULT)) {
        Sequence sequence = session.newSequence();
        session.begin();
        assertThrows(InvalidInputException.class, () -> session.add(sequence, 3, 1, true));
        session.add(sequence, 3, 0, true);
        session.run();
        session.begin();
        assertThrows(InvalidInputException.class, () -> session.add(sequence, 3, 0, true));
      }
    }
  }
}
