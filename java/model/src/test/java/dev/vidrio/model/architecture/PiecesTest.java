package dev.vidrio.model.architecture;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vidrio.model.Model;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * How a text is cut does not change its bits, where a model has states in spans of 16 positions.
 */
class PiecesTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "qwen3next",
        "qwen35",
        "qwen35moe",
        "granitehybrid",
        "granitehybrid-experts",
        "nemotron_h",
        "nemotron_h_moe",
        "recurrent_gemma"
      })
  void piecesOfATextGiveTheSameBits(String name, @TempDir Path directory) throws IOException {
    int[] tokens = TinyModels.expected(name).ints("tokens");
    int[] singly = new int[tokens.length];
    Arrays.fill(singly, 1);
    Path file = directory.resolve("model.gguf");
    try (Model model = Model.open(Files.write(file, TinyModels.writer(name).toBytes()))) {
      float[] expected = logits(model, tokens, tokens.length);
      for (int[] lengths : List.of(singly, new int[] {16, 24}, new int[] {15, 2, 16, 7})) {
        assertArrayEquals(expected, logits(model, tokens, lengths));
      }
    }
  }

  /** The logits after the last token of a text that is fed in pieces. */
  static float[] logits(Model model, int[] tokens, int... lengths) {
    try (Session session = model.newSession(SessionOptions.DEFAULT)) {
      Sequence sequence = session.newSequence();
      int from = 0;
      float[] logits = {};
      for (int length : lengths) {
        int[] piece = Arrays.copyOfRange(tokens, from, from + length);
        logits = session.feed(sequence, piece).toArray(JAVA_FLOAT);
        from += length;
      }
      assertEquals(tokens.length, from);
      return logits;
    }
  }
}
