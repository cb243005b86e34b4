package dev.vidrio.lens.decode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.BardTest;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Unembedding;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.inspect.LogitLens;
import dev.vidrio.lens.vector.Vectors;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AttentionLensTest extends BardTest {
  private static final String POINTS = "blocks.2-3.attn.hook_z";

  @TempDir Path directory;

  private final int[] text =
      model.tokenizer().encode("To be, or not to be: that is the question. The king and queen");

  /** Without training, the lens of a head decodes its result as if it were the last stream. */
  @ParameterizedTest
  @ValueSource(strings = {"llama", "gpt2", "qwen2", "gemma2", "deepseek2-lite"})
  void startsFromOutputMatrix(String name) throws IOException {
    try (Model tiny = Model.open(TinyModels.write(directory.resolve(name + ".gguf"), name));
        Unembedding unembedding = Unembedding.of(tiny)) {
      Lens own = Lens.of(tiny);
      int[] tokens = {3, 1, 4, 1, 5};
      AttentionLens initial = AttentionLens.initial(own, own.points("blocks.1.attn.hook_z"));
      AttentionLens.Reading read =
          initial.read(own, tokens, Capture.of("*").positions(1, 5), 1, -1, List.of());
      int vocabulary = tiny.architecture().vocabulary();
      AttentionLens.Reading all =
          initial.read(own, tokens, Capture.of("*"), vocabulary, -1, List.of());
      assertEquals(all.cells().get(1).get(3).entropy(), read.cells().get(1).get(2).entropy());
      // Gemma 2 normalizes the sum of heads: its gain is part of the map, not its divisor.
      if (!name.equals("gemma2")) {
        try (ActivationCache cache = own.run(tokens, Capture.of("blocks.1.attn.hook_result"))) {
          float[] results = cache.get(HookSite.RESULT, 1).row(3);
          int d = tiny.architecture().width();
          for (AttentionLens.Head head : initial.heads()) {
            float[] part = Arrays.copyOfRange(results, head.head() * d, (head.head() + 1) * d);
            double[] expected =
                Vectors.logProbabilities(unembedding.logits(new float[][] {part})[0]);
            for (LogitLens.Candidate each : all.cells().get(head.head()).get(3).top()) {
              assertEquals(Math.exp(expected[each.token()]), each.probability(), 1e-4);
            }
          }
        }
      }
    }
  }

  @Test
  @Tag("long")
  void trainingBringsHeadsNearer() throws IOException {
    List<int[]> texts =
        List.of(
            model.tokenizer().encode("KING. My lord, the queen is come to speak with you."),
            model.tokenizer().encode("What is the matter? Speak, good friend, and tell the king."),
            model.tokenizer().encode("O, let me not be mad, not mad, sweet heaven!"));
    Path file = directory.resolve("heads.safetensors");
    try (var trainer =
        new AttentionLensTrainer(lens, POINTS, TunedLensTrainer.RATE, 8 * texts.size())) {
      Map<AttentionLens.Head, Double> before = trainer.evaluate(text);
      for (int i = 0; i < 8; i++) {
        trainer.run(texts);
      }
      Map<AttentionLens.Head, Double> after = trainer.evaluate(text);
      int heads = after.size();
      assertEquals(heads, trainer.attention().heads().size());
      after.forEach(
          (head, value) ->
              assertTrue(
                  value < 0.8 * Objects.requireNonNull(before.get(head)), head + " " + value));
      trainer.attention().save(file, "bard");
      AttentionLens loaded = AttentionLens.load(lens, file);
      assertEquals(trainer.attention().heads(), loaded.heads());
      AttentionLens.Head last = loaded.heads().getLast();
      assertArrayEquals(trainer.attention().map(last), loaded.map(last));
      AttentionLens.Reading read = loaded.read(lens, text, Capture.of("*"), 2, 17, List.of());
      double mean =
          read.cells().getLast().stream()
              .skip(1)
              .mapToDouble(LogitLens.Cell::divergence)
              .average()
              .orElseThrow();
      assertEquals(Objects.requireNonNull(after.get(last)), mean * Math.log(2), 1e-3);
      assertNotNull(read.cells().getFirst().getFirst().standing());
    }
  }

  @Test
  void reportsInvalidInput() throws IOException {
    assertThrows(
        InvalidInputException.class,
        () -> new AttentionLensTrainer(lens, "*.hook_resid_post", 0.1, 1).close());
    assertThrows(
        InvalidInputException.class, () -> new AttentionLensTrainer(lens, POINTS, 2, 1).close());
    Path file = directory.resolve("tuned.safetensors");
    var first = new HookPoint(HookSite.RESID_POST, 0);
    TunedLens.zeros(List.of(first), model.architecture().width(), 0).save(file, "bard");
    assertThrows(ModelFileException.class, () -> AttentionLens.load(lens, file));
    try (var trainer = new AttentionLensTrainer(lens, POINTS, 0.1, 1)) {
      assertThrows(InvalidInputException.class, () -> trainer.evaluate(new int[1]));
      var other = new AttentionLens.Head(0, 0);
      assertThrows(InvalidInputException.class, () -> trainer.attention().map(other));
    }
  }
}
