package dev.vidrio.lens.decode.sae;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.safetensors.Dtype;
import dev.vidrio.formats.safetensors.SafetensorsWriter;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.TextChunks;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Training of autoencoders and transcoders on a text: rounds, checkpoints and errors. */
class SaeTrainingTest extends BardTest {
  private static final int LENGTH = 32;
  private static final int STEPS = 50;

  /** More tokens than {@link #BUFFER} holds, also of an autoencoder, 1024. */
  private static List<int[]> chunks = List.of();

  private static final int BUFFER = 1;

  @TempDir Path directory;

  @BeforeAll
  static void tokens() {
    String text = "The king is dead, long live the king! Who comes here? My lord, a friend. ";
    chunks = TextChunks.of(model, model.tokenizer().encode(text.repeat(70)), LENGTH);
    assertTrue(chunks.size() * (LENGTH - 1) > 1300, () -> chunks.size() + " chunks");
  }

  /** The kinds of dictionaries and of sparsity. */
  enum Kind {
    TOP_K,
    PENALTY,
    MATRYOSHKA,
    GATED,
    JUMP_RELU,
    TRANSCODER,
    SKIP_TRANSCODER;

    boolean isTranscoder() {
      return this == TRANSCODER || this == SKIP_TRANSCODER;
    }

    SaeOptions options(int features, int buffer, long seed) {
      SaeKind kind =
          switch (this) {
            case TOP_K -> new SaeKind.TopK(4);
            case PENALTY -> new SaeKind.Standard(0.1);
            case MATRYOSHKA -> new SaeKind.Matryoshka(4, List.of(8, 16));
            case GATED -> new SaeKind.Gated(0.1);
            case JUMP_RELU ->
                new SaeKind.JumpRelu(
                    SaeKind.ActivityPenalty.STEP, 0.1, 4, 1, 0.1, 0.5, 1e-3, false);
            case TRANSCODER, SKIP_TRANSCODER -> new SaeKind.BatchTopK(4);
          };
      return new SaeOptions(features, kind, 8, 1, 2e-3, 64, STEPS, 5, 7, buffer, seed);
    }

    SaeTraining training(
        SaeOptions options, @Nullable CheckpointFile file, Consumer<TrainingProgress> progress) {
      if (!isTranscoder()) {
        HookPoint point = lens.point("blocks.1.hook_resid_post");
        return SaeTraining.ofAutoencoder(lens, point, options, file, progress);
      }
      HookPoint in = lens.point("blocks.1.ln2.hook_normalized");
      HookPoint out = lens.point("blocks.1.hook_mlp_out");
      return SaeTraining.ofTranscoder(
          lens, in, out, this == SKIP_TRANSCODER, options, file, progress);
    }
  }

  private CheckpointFile checkpoint() {
    return new CheckpointFile(directory.resolve("state.safetensors"), 1);
  }

  /** Runs passes through a text; with a limit, as if it were interrupted after some chunks. */
  private static void run(SaeTraining training, List<int[]> text, int limit) throws IOException {
    int added = 0;
    while (!training.isDone()) {
      for (int[] chunk : text) {
        if (added++ == limit) {
          return;
        }
        training.add(chunk);
      }
      training.endText();
    }
  }

  private static void save(SaeTraining training, Path target) throws IOException {
    try (SparseAutoencoder result = training.result()) {
      result.save(target, "bard");
    }
  }

  private static void assertEqualFiles(Path one, Path other) throws IOException {
    for (String name : List.of("cfg.json", "sae_weights.safetensors")) {
      assertArrayEquals(
          Files.readAllBytes(one.resolve(name)), Files.readAllBytes(other.resolve(name)));
    }
  }

  /** A round is shorter than the text, so that a pass has several rounds and a rest. */
  @ParameterizedTest
  @EnumSource
  void resumedTrainingHasEqualBits(Kind kind) throws IOException {
    SaeOptions options = kind.options(48, BUFFER, 3);
    Path whole = directory.resolve("whole");
    Path resumed = directory.resolve("resumed");
    List<TrainingProgress> all = new ArrayList<>();
    try (SaeTraining training = kind.training(options, null, all::add)) {
      run(training, chunks, -1);
      save(training, whole);
    }
    assertEquals(STEPS, all.size());
    assertTrue(all.getLast().loss() < all.getFirst().loss(), all::toString);
    try (SaeTraining training = kind.training(options, checkpoint(), step -> {})) {
      run(training, chunks, 40);
      assertFalse(training.isDone());
    }
    List<TrainingProgress> rest = new ArrayList<>();
    try (SaeTraining training = kind.training(options, checkpoint(), rest::add)) {
      run(training, chunks, -1);
      save(training, resumed);
    }
    int first = rest.getFirst().step();
    assertTrue(first > 1, rest::toString);
    assertEquals(all.subList(first - 1, STEPS), rest);
    assertEqualFiles(whole, resumed);
    // It is complete: nothing is left to do.
    try (SaeTraining training = kind.training(options, checkpoint(), step -> {})) {
      assertTrue(training.isDone());
      save(training, resumed);
    }
    assertEqualFiles(whole, resumed);
  }

  /** A text that fits into one round trains as its activations do. */
  @ParameterizedTest
  @EnumSource
  void equalsTrainingOnGivenRows(Kind kind) throws IOException {
    SaeOptions options = kind.options(48, 16, 3);
    List<Double> losses = new ArrayList<>();
    List<int[]> text = chunks.subList(0, 5);
    try (SaeTraining training = kind.training(options, null, step -> losses.add(step.loss()))) {
      run(training, text, -1);
      save(training, directory.resolve("text"));
    }
    List<Double> ofRows = new ArrayList<>();
    try (SaeTrainer trainer = trainer(kind, options, text)) {
      trainer.run(ofRows::add);
      String in = kind.isTranscoder() ? "ln2.hook_normalized" : "hook_resid_post";
      String out = kind.isTranscoder() ? "hook_mlp_out" : "hook_resid_post";
      try (SparseAutoencoder result =
          trainer.result(model.executor(), "blocks.1." + in, "blocks.1." + out)) {
        result.save(directory.resolve("rows"), "bard");
      }
    }
    assertEquals(ofRows, losses);
    assertEqualFiles(directory.resolve("rows"), directory.resolve("text"));
  }

  private static SaeTrainer trainer(Kind kind, SaeOptions options, List<int[]> text) {
    if (!kind.isTranscoder()) {
      float[][] rows = TextChunks.activations(lens, "blocks.1.hook_resid_post", text);
      return new SaeTrainer(model.executor(), rows, options);
    }
    List<HookPoint> points =
        List.of(lens.point("blocks.1.ln2.hook_normalized"), lens.point("blocks.1.hook_mlp_out"));
    List<float[][]> rows = TextChunks.activations(lens, points, text);
    return SaeTrainer.ofTranscoder(
        model.executor(), rows.getFirst(), rows.getLast(), kind == Kind.SKIP_TRANSCODER, options);
  }

  @Test
  void reportsSparsity() throws IOException {
    List<TrainingProgress> progress = new ArrayList<>();
    SaeOptions options = Kind.TRANSCODER.options(48, 16, 3);
    try (SaeTraining training = Kind.TRANSCODER.training(options, null, progress::add)) {
      run(training, chunks.subList(0, 5), -1);
      assertEquals(training.dead(), progress.getLast().dead());
    }
    for (TrainingProgress step : progress) {
      assertEquals(4, step.l0(), 0.1);
    }
  }

  @Test
  void rejectsOtherOptionsTextsAndKinds() throws IOException {
    Kind kind = Kind.TRANSCODER;
    SaeOptions options = kind.options(24, BUFFER, 3);
    try (SaeTraining training = kind.training(options, checkpoint(), step -> {})) {
      run(training, chunks, 20);
    }
    assertFault("features 32: is 24 in the checkpoint", kind, kind.options(32, BUFFER, 3));
    assertFault("seed 4: is 3 in the checkpoint", kind, kind.options(24, BUFFER, 4));
    assertFault("buffer 2: is 1 in the checkpoint", kind, kind.options(24, 2, 3));
    assertFault(
        "kind transcoder with a skip connection: is transcoder in the checkpoint",
        Kind.SKIP_TRANSCODER,
        options);
    assertFault("kind autoencoder: is transcoder", Kind.TOP_K, options);
    try (SaeTraining training = kind.training(options, checkpoint(), step -> {})) {
      var e = assertThrows(InvalidInputException.class, () -> run(training, chunks.reversed(), -1));
      assertTrue(String.valueOf(e.getMessage()).contains("is not that of the checkpoint"));
    }
  }

  /** The other model has equal hook points and widths, and weights of another precision. */
  @Test
  void rejectsAnotherModel() throws IOException {
    SaeOptions options = Kind.TOP_K.options(24, BUFFER, 3);
    try (SaeTraining training = Kind.TOP_K.training(options, checkpoint(), step -> {})) {
      run(training, chunks, 40);
    }
    try (Model other = Model.open(BardFiles.f32())) {
      Lens otherLens = Lens.of(other);
      HookPoint point = otherLens.point("blocks.1.hook_resid_post");
      assertInvalid(
          "model bard-f32.gguf: has other weights than that of the checkpoint",
          () ->
              SaeTraining.ofAutoencoder(otherLens, point, options, checkpoint(), step -> {})
                  .close());
    }
  }

  @Test
  void rejectsDamagedCheckpoint() throws IOException {
    Kind kind = Kind.TOP_K;
    SaeOptions options = kind.options(24, BUFFER, 3);
    try (SaeTraining training = kind.training(options, checkpoint(), step -> {})) {
      run(training, chunks, 40);
    }
    Path file = checkpoint().path();
    byte[] state = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(state, state.length - 4));
    assertDamaged(file.toString(), kind, options);
    // The header is text; the counts of idle steps are the last tensor.
    byte[] idle = state.clone();
    Arrays.fill(idle, idle.length - 4, idle.length, (byte) 0x42);
    Files.write(file, idle);
    assertDamaged("must be an integer from 0 to", kind, options);
    var entry = new SafetensorsWriter.Entry("scales", Dtype.F32, List.of(1L));
    try (var writer =
        SafetensorsWriter.create(file, List.of(entry), Map.of("hooks", "hook_embed"))) {
      writer.write("scales", new float[] {1});
      writer.finish();
    }
    assertDamaged("version of the checkpoint 1: must be 4", kind, options);
  }

  private void assertDamaged(String expected, Kind kind, SaeOptions options) {
    var e =
        assertThrows(
            ModelFileException.class,
            () -> kind.training(options, checkpoint(), step -> {}).close());
    String message = String.valueOf(e.getMessage());
    assertTrue(message.contains(expected), message);
    assertTrue(message.contains(checkpoint().path().toString()), message);
  }

  private void assertFault(String expected, Kind kind, SaeOptions options) {
    var e =
        assertThrows(
            InvalidInputException.class,
            () -> kind.training(options, checkpoint(), step -> {}).close());
    assertTrue(String.valueOf(e.getMessage()).contains(expected), e.getMessage());
  }

  @Test
  void reportsInvalidInput() throws IOException {
    SaeOptions options = Kind.TOP_K.options(24, BUFFER, 3);
    try (SaeTraining training = Kind.TOP_K.training(options, null, step -> {})) {
      training.add(chunks.getFirst());
      var e = assertThrows(InvalidInputException.class, training::endText);
      assertTrue(String.valueOf(e.getMessage()).contains("a batch, 64"), e.getMessage());
    }
    assertInvalid(
        "has no row for each token",
        () ->
            SaeTraining.ofAutoencoder(
                lens, lens.point("blocks.0.attn.hook_pattern"), options, null, step -> {}));
    assertInvalid(
        "SAELens has no format", () -> Kind.TRANSCODER.training(options, null, step -> {}));
    var large = new SaeOptions(24, new SaeKind.TopK(4), 0, 1, 1e-3, 1 << 16, 1, 5, 0, 1, 0);
    assertInvalid("holds 1024 tokens", () -> Kind.TOP_K.training(large, null, step -> {}));
  }

  private static void assertInvalid(String expected, Runnable work) {
    var e = assertThrows(InvalidInputException.class, work::run);
    assertTrue(String.valueOf(e.getMessage()).contains(expected), e.getMessage());
  }
}
