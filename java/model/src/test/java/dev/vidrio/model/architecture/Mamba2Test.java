package dev.vidrio.model.architecture;

import static dev.vidrio.model.architecture.PiecesTest.logits;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.testfiles.GgufWriter;
import dev.vidrio.model.Model;
import dev.vidrio.model.huggingface.HuggingFaceModel;
import dev.vidrio.model.quantize.FileType;
import dev.vidrio.model.quantize.QuantizeOptions;
import dev.vidrio.model.quantize.Quantizer;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Files with Mamba 2 that say the same in other ways. */
class Mamba2Test {
  private static final int CHANNELS = 64 + 2 * 2 * 12;

  @TempDir private Path directory;

  private Model open(GgufWriter writer) throws IOException {
    Path file = Files.createTempFile(directory, "model", ".gguf");
    return Model.open(Files.write(file, writer.toBytes()));
  }

  private static int[] tokens(String model) {
    return TinyModels.expected(model).ints("tokens");
  }

  /** Convolutions need no bias. */
  @Test
  void noBiasIsOneOfZeros() throws IOException {
    int[] tokens = tokens("granitehybrid");
    GgufWriter without = TinyModels.writer("granitehybrid");
    GgufWriter zeros = TinyModels.writer("granitehybrid");
    for (int l : new int[] {0, 2}) {
      String tensor = "blk." + l + ".ssm_conv1d.bias";
      without.removeTensor(tensor);
      zeros.removeTensor(tensor).tensor(tensor, GgmlType.F32, new byte[4 * CHANNELS], CHANNELS);
    }
    try (Model first = open(without);
        Model second = open(zeros);
        Model other = open(TinyModels.writer("granitehybrid"))) {
      float[] expected = logits(second, tokens, tokens.length);
      assertArrayEquals(expected, logits(first, tokens, tokens.length));
      assertNotEquals(expected[0], logits(other, tokens, tokens.length)[0]);
    }
  }

  /** Bamba turns queries and keys; its files are of the same architecture. */
  @Test
  void attentionTurnsUnlessTheFileSaysOtherwise() throws IOException {
    String key = "granitehybrid.rope.scaling.finetuned";
    try (Model still = open(TinyModels.writer("granitehybrid"));
        Model turning = open(TinyModels.writer("granitehybrid").remove(key))) {
      assertTrue(still.architecture().plan().rotations().isEmpty());
      assertEquals(1, turning.architecture().plan().rotations().size());
    }
  }

  /** The first layer has no key-value heads to count queries by. */
  @ParameterizedTest
  @ValueSource(strings = {"granitehybrid", "nemotron_h_moe"})
  void quantizes(String name) throws IOException {
    Path from = TinyModels.write(directory.resolve("from.gguf"), name);
    Path to = directory.resolve("to.gguf");
    Quantizer.quantize(from, to, QuantizeOptions.of(FileType.Q4_K_M));
    try (Model model = Model.open(to)) {
      assertTrue(Float.isFinite(logits(model, tokens(name), 40)[0]));
    }
  }

  /** Infinite limits as Python writes them, and as transformers does since version 5. */
  @Test
  void infinitiesOfPython() throws IOException, URISyntaxException {
    Path original =
        Path.of(
                Objects.requireNonNull(Mamba2Test.class.getResource("nemotron_h/config.json"))
                    .toURI())
            .resolveSibling("");
    String config = Files.readString(original.resolve("config.json"));
    String python = config.replaceAll("\\{\\s*\"__float__\": \"Infinity\"\\s*}", "Infinity");
    assertNotEquals(config, python);
    Files.writeString(directory.resolve("config.json"), python);
    String weights = "model.safetensors";
    Files.copy(original.resolve(weights), directory.resolve(weights));
    try (Arena arena = Arena.ofShared()) {
      Gguf read = HuggingFaceModel.open(directory, arena).toGguf(arena);
      assertEquals(4, read.metadata().intValue("nemotron_h.ssm.conv_kernel", 1, 64));
    }
  }
}
