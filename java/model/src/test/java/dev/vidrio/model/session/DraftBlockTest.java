package dev.vidrio.model.session;

import static dev.vidrio.model.testfiles.Closeness.assertClose;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.testfiles.GgufWriter;
import dev.vidrio.formats.testfiles.SafetensorsFile;
import dev.vidrio.kernel.Executor;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import dev.vidrio.model.testfiles.TestExecutors;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Tests blocks for multi-token prediction against llama.cpp. */
class DraftBlockTest {
  /** As in the tests of architectures. */
  private static final double TOLERANCE = 1e-4;

  @TempDir Path directory;

  private Model open(String name, ModelOptions options) throws IOException {
    return open(TinyModels.withDraftBlock(name), options);
  }

  private Model open(GgufWriter writer, ModelOptions options) throws IOException {
    return Model.open(Files.write(directory.resolve("model.gguf"), writer.toBytes()), options);
  }

  private static float[] row(float[] rows, int i, int width) {
    return Arrays.copyOfRange(rows, i * width, (i + 1) * width);
  }

  @ParameterizedTest
  @MethodSource(TinyModels.WITH_DRAFT_BLOCK)
  void logitsAreThoseOfLlamaCpp(String name) throws IOException {
    SafetensorsFile expected = TinyModels.expectedOfDraftBlock(name);
    int[] tokens = expected.ints("tokens");
    try (Model model = open(name, ModelOptions.DEFAULT.withDraftBlock(true));
        var pair = new DraftPair(model)) {
      int vocabulary = model.architecture().vocabulary();
      float[] ofBlock = expected.floats("block_logits");
      float[] ofModel = expected.floats("logits");
      float[] last = {};
      for (int i = 0; i < tokens.length; i++) {
        assertClose(row(ofBlock, i, vocabulary), pair.predict(tokens[i]), TOLERANCE);
        pair.sequence.truncate(i);
        last = pair.run(tokens[i]);
        assertClose(row(ofModel, i, vocabulary), last, TOLERANCE);
      }
      float[] drafts = expected.floats("drafts");
      int token = DraftPair.best(last);
      for (int i = 0; i < drafts.length / vocabulary; i++) {
        float[] draft = pair.predict(token);
        assertClose(row(drafts, i, vocabulary), draft, TOLERANCE);
        token = DraftPair.best(draft);
      }
    }
  }

  @ParameterizedTest
  @MethodSource(TinyModels.WITH_DRAFT_BLOCK)
  void bitsDependOnTokensAlone(String name) throws IOException {
    int[] tokens = TinyModels.expectedOfDraftBlock(name).ints("tokens");
    int last = tokens.length - 1;
    for (Supplier<Executor> executor :
        (Iterable<Supplier<Executor>>) TestExecutors.all(2)::iterator) {
      float[] expected;
      float[] drafted;
      try (Model model = open(name, ModelOptions.with(executor).withDraftBlock(true));
          var pair = new DraftPair(model);
          var again = new DraftPair(model, SessionOptions.EXACT.withBatch(5).withSlots(2))) {
        pair.run(Arrays.copyOf(tokens, last));
        drafted = pair.predict(tokens[last]);
        pair.predict(DraftPair.best(drafted));
        pair.sequence.truncate(last);
        expected = pair.run(tokens[last]);
        // Other chunks, a fork, and wrong drafts that are rolled back.
        again.run(Arrays.copyOf(tokens, 7));
        again.predict(1);
        again.predict(2);
        again.sequence.truncate(7);
        again.run(Arrays.copyOfRange(tokens, 7, last));
        try (Sequence fork = again.sequence.fork()) {
          assertArrayEquals(
              drafted, again.block.feed(fork, tokens[last]).toArray(JAVA_FLOAT), "of a fork");
        }
        assertArrayEquals(drafted, again.predict(tokens[last]), "after drafts");
        again.sequence.truncate(last);
        assertArrayEquals(expected, again.run(tokens[last]));
      }
      try (Model model = open(name, ModelOptions.with(executor));
          Session session = model.newSession(SessionOptions.EXACT);
          Sequence sequence = session.newSequence()) {
        assertArrayEquals(
            expected, session.feed(sequence, tokens).toArray(JAVA_FLOAT), "without the block");
      }
    }
  }

  @Test
  void rejectsModelsWithoutBlock() {
    Path file = directory.resolve("without.gguf");
    var e =
        assertThrows(
            UnsupportedModelException.class,
            () ->
                Model.open(
                        TinyModels.write(file, "llama"), ModelOptions.DEFAULT.withDraftBlock(true))
                    .close());
    assertEquals(
        file + ": a draft block (multi-token prediction) is not supported: architecture llama",
        e.getMessage());
  }

  @ParameterizedTest
  @CsvSource({"0", "2"})
  void rejectsOtherNumbersOfBlocks(int blocks) {
    GgufWriter writer = TinyModels.withDraftBlock("qwen35");
    writer.uint32("qwen35.nextn_predict_layers", blocks);
    var e =
        assertThrows(
            ModelFileException.class,
            () -> open(writer, ModelOptions.DEFAULT.withDraftBlock(true)).close());
    assertEquals(
        "%s: key 'qwen35.nextn_predict_layers' %d: must be 1 for a draft block that runs"
            .formatted(directory.resolve("model.gguf"), blocks),
        e.getMessage());
  }

  @Test
  void rejectsMissingAndUnknownTensors() {
    GgufWriter missing = TinyModels.withDraftBlock("qwen35");
    missing.removeTensor("blk.3.nextn.eh_proj.weight");
    var e =
        assertThrows(
            ModelFileException.class,
            () -> open(missing, ModelOptions.DEFAULT.withDraftBlock(true)).close());
    assertEquals(
        directory.resolve("model.gguf") + ": tensor 'blk.3.nextn.eh_proj.weight': is missing",
        e.getMessage());
    GgufWriter unknown = TinyModels.withDraftBlock("qwen35");
    unknown.tensor("blk.3.nextn.other.weight", GgmlType.F32, new byte[4], 1);
    var other =
        assertThrows(
            UnsupportedModelException.class,
            () -> open(unknown, ModelOptions.DEFAULT.withDraftBlock(true)).close());
    assertTrue(other.getMessage().contains("tensor 'blk.3.nextn.other.weight'"));
  }
}
