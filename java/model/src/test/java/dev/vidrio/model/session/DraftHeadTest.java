package dev.vidrio.model.session;

import static dev.vidrio.model.testfiles.Closeness.assertClose;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.testfiles.GgufWriter;
import dev.vidrio.formats.testfiles.SafetensorsFile;
import dev.vidrio.kernel.Executor;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import dev.vidrio.model.architecture.DraftPlan;
import dev.vidrio.model.testfiles.TestExecutors;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests EAGLE-3 heads against llama.cpp. */
class DraftHeadTest {
  /** As in the tests of architectures. */
  private static final double TOLERANCE = 1e-4;

  @TempDir Path directory;

  private Model open(String name, ModelOptions options) throws IOException {
    Path file = directory.resolve("model.gguf");
    return Model.open(
        TinyModels.write(file, name), options.withDraftHead(TinyModels.draftHead(name)));
  }

  /** Compares the logits of a head with those of a row, which are -infinity for other tokens. */
  private static void assertLogits(DraftPlan head, float[] rows, int row, float[] actual) {
    int vocabulary = 64;
    var expected = new float[actual.length];
    for (int i = 0; i < actual.length; i++) {
      expected[i] = rows[row * vocabulary + head.token(i)];
    }
    assertClose(expected, actual, TOLERANCE);
  }

  @ParameterizedTest
  @MethodSource(TinyModels.WITH_DRAFT_HEAD)
  void logitsAreThoseOfLlamaCpp(String name) throws IOException {
    SafetensorsFile expected = TinyModels.expectedOfDraftHead(name);
    int[] tokens = expected.ints("tokens");
    try (Model model = open(name, ModelOptions.DEFAULT)) {
      DraftPlan head = Objects.requireNonNull(model.architecture().draft());
      assertEquals(name.equals("qwen3") ? 20 : 0, head.tokens().size());
      try (var pair = new DraftPair(model)) {
        float[] ofHead = expected.floats("block_logits");
        float[] last = pair.run(tokens[0]);
        for (int i = 1; i < tokens.length; i++) {
          assertLogits(head, ofHead, i - 1, pair.predict(tokens[i]));
          pair.sequence.truncate(i);
          last = pair.run(tokens[i]);
        }
        float[] drafts = expected.floats("drafts");
        int token = DraftPair.best(last);
        for (int i = 0; i < drafts.length / 64; i++) {
          float[] draft = pair.predict(token);
          assertLogits(head, drafts, i, draft);
          token = head.token(DraftPair.best(draft));
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource(TinyModels.WITH_DRAFT_HEAD)
  void bitsDependOnTokensAlone(String name) throws IOException {
    int[] tokens = TinyModels.expectedOfDraftHead(name).ints("tokens");
    int last = tokens.length - 1;
    int[] first = Arrays.copyOf(tokens, last);
    float[] expected = null;
    float[] drafted = null;
    for (Supplier<Executor> executor :
        (Iterable<Supplier<Executor>>) TestExecutors.all(2)::iterator) {
      try (Model model = open(name, ModelOptions.with(executor))) {
        for (int batch : new int[] {64, 5}) {
          SessionOptions options = SessionOptions.EXACT.withBatch(batch);
          try (var pair = new DraftPair(model, options)) {
            pair.run(first);
            float[] logits = pair.predict(tokens[last]);
            drafted = drafted == null ? logits : drafted;
            assertArrayEquals(drafted, logits);
            pair.predict(1);
            pair.sequence.truncate(last);
            float[] ofModel = pair.run(tokens[last]);
            expected = expected == null ? ofModel : expected;
            assertArrayEquals(expected, ofModel);
          }
        }
      }
      try (Model model = Model.open(directory.resolve("model.gguf"), ModelOptions.with(executor));
          Session session = model.newSession(SessionOptions.EXACT);
          Sequence sequence = session.newSequence()) {
        assertArrayEquals(
            Objects.requireNonNull(expected),
            session.feed(sequence, tokens).toArray(JAVA_FLOAT),
            "without the head");
      }
    }
  }

  private void assertRejected(String message, String model, GgufWriter head) throws IOException {
    Path file = Files.write(directory.resolve("head.gguf"), head.toBytes());
    Path target = TinyModels.write(directory.resolve("model.gguf"), model);
    var e =
        assertThrows(
            ModelException.class,
            () -> Model.open(target, ModelOptions.DEFAULT.withDraftHead(file)).close());
    assertEquals(
        message.replace("HEAD", file.toString()).replace("MODEL", target.toString()),
        e.getMessage());
  }

  @Test
  void rejectsHeadBesideDraftBlock() {
    ModelOptions block = ModelOptions.DEFAULT.withDraftBlock(true);
    var e =
        assertThrows(InvalidInputException.class, () -> block.withDraftHead(Path.of("head.gguf")));
    assertEquals(
        "draft head head.gguf: not supported with the model's own draft block", e.getMessage());
  }

  @Test
  void rejectsHeadsOfOtherModels() throws IOException {
    GgufWriter wide = TinyModels.draftHeadWriter("llama").uint32("eagle3.target_hidden_size", 64);
    assertRejected(
        "HEAD: key 'eagle3.target_hidden_size' 64: must be the 32 of the model", "llama", wide);
    GgufWriter deep = TinyModels.draftHeadWriter("llama").int32s("eagle3.target_layers", 0, 1, 2);
    assertRejected("HEAD: key 'eagle3.target_layers'[2] 2: must be 0 to 1", "llama", deep);
    GgufWriter two = TinyModels.draftHeadWriter("llama").int32s("eagle3.target_layers", 0, 1);
    assertRejected("HEAD: key 'eagle3.target_layers' [0, 1]: must be 3 layers", "llama", two);
    assertRejected(
        "HEAD: architecture 'qwen3' of a draft head is not supported: supported: eagle3",
        "llama",
        TinyModels.writer("qwen3"));
    assertRejected(
        "MODEL: a draft head (EAGLE-3) is not supported: architecture phi3",
        "phi3-longrope",
        TinyModels.draftHeadWriter("llama"));
  }

  @Test
  void rejectsWhatHeadsLack() throws IOException {
    GgufWriter narrow = TinyModels.draftHeadWriter("qwen3");
    narrow.removeTensor("token_embd.weight");
    assertRejected(
        "HEAD: key 'eagle3.embedding_length' 64: must be the 32 of the model in a head without"
            + " token_embd.weight",
        "qwen3",
        narrow);
    GgufWriter outside = TinyModels.draftHeadWriter("qwen3");
    outside.tensor("d2t", GgmlType.I64, new byte[] {64, 0, 0, 0, 0, 0, 0, 0}, 1);
    assertRejected("HEAD: tensor 'd2t' element 0 64: must be 0 to 63", "qwen3", outside);
    GgufWriter unknown = TinyModels.draftHeadWriter("llama");
    unknown.tensor("other.weight", GgmlType.F32, new byte[4], 1);
    assertRejected(
        "HEAD: tensor 'other.weight' is not supported: the architecture does not have it here",
        "llama",
        unknown);
    assertRejected(
        "HEAD: eagle3.norm_before_fc is not supported: architecture eagle3",
        "llama",
        TinyModels.draftHeadWriter("llama").bool("eagle3.norm_before_fc", true));
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama", "qwen3"})
  void headsAreNotModels(String name) {
    Path head = TinyModels.draftHead(name);
    assertTrue(Model.isDraftHead(head));
    assertFalse(Model.isDraftHead(head.resolveSibling("../glm4moe.gguf")));
    assertFalse(Model.isDraftHead(directory));
    var e = assertThrows(UnsupportedModelException.class, () -> Model.open(head).close());
    assertEquals(
        head
            + ": an EAGLE-3 head alone is not supported: it drafts for the model that it was"
            + " trained with",
        e.getMessage());
  }
}
