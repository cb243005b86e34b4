package dev.vidrio.model.architecture;

import static dev.vidrio.model.architecture.HostileFiles.assertRefused;
import static dev.vidrio.model.architecture.PiecesTest.logits;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.ModelException;
import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.testfiles.GgufWriter;
import dev.vidrio.kernel.weight.Repacking;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files of Qwen3-Next and Qwen3.5 that say the same in other ways. */
class GatedDeltaNetTest {
  private static final int D = 32;
  private static final int KEY_HEADS = 2;
  private static final int KEY_WIDTH = 2 * 8;
  private static final int VALUE_WIDTH = 6 * 8;
  private static final int ROW_BYTES = Short.BYTES + D;

  @TempDir private Path directory;

  private Model open(GgufWriter writer) throws IOException {
    return open(writer, ModelOptions.DEFAULT);
  }

  private Model open(GgufWriter writer, ModelOptions options) throws IOException {
    Path file = Files.createTempFile(directory, "model", ".gguf");
    return Model.open(Files.write(file, writer.toBytes()), options);
  }

  private static int[] tokens(String model) {
    return TinyModels.expected(model).ints("tokens");
  }

  /** Random blocks of Q8_0, one a row. */
  private static byte[] blocks(Random random, int rows) {
    var blocks = ByteBuffer.allocate(rows * ROW_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    var quants = new byte[D];
    for (int row = 0; row < rows; row++) {
      random.nextBytes(quants);
      blocks.putShort(Float.floatToFloat16(0.002f)).put(quants);
    }
    return blocks.array();
  }

  /**
   * Qwen3-Next with random blocks in matrices that are taken apart.
   *
   * @param together whether it is as the first files are, which have a key head's query, key,
   *     values and gates in one matrix
   */
  private static GgufWriter quantized(boolean together) {
    GgufWriter writer = TinyModels.writer("qwen3next");
    var random = new Random(5);
    for (int l : new int[] {0, 2}) {
      String prefix = "blk." + l + ".";
      byte[] qkv = blocks(random, 2 * KEY_WIDTH + VALUE_WIDTH);
      byte[] gate = blocks(random, VALUE_WIDTH);
      replace(writer, prefix + "ssm_ba.weight", blocks(random, 12));
      if (!together) {
        replace(writer, prefix + "attn_qkv.weight", qkv);
        replace(writer, prefix + "attn_gate.weight", gate);
        continue;
      }
      var all = new ByteArrayOutputStream();
      for (int head = 0; head < KEY_HEADS; head++) {
        write(qkv, 0, KEY_WIDTH, head, all);
        write(qkv, KEY_WIDTH, KEY_WIDTH, head, all);
        write(qkv, 2 * KEY_WIDTH, VALUE_WIDTH, head, all);
        write(gate, 0, VALUE_WIDTH, head, all);
      }
      writer.removeTensor(prefix + "attn_qkv.weight").removeTensor(prefix + "attn_gate.weight");
      replace(writer, prefix + "ssm_in.weight", all.toByteArray());
    }
    replace(writer, "blk.1.attn_q.weight", blocks(random, 2 * 4 * 16));
    return writer;
  }

  private static void replace(GgufWriter writer, String tensor, byte[] data) {
    writer.removeTensor(tensor).tensor(tensor, GgmlType.Q8_0, data, D, data.length / ROW_BYTES);
  }

  /** Writes those of a part's rows that are a key head's. */
  private static void write(byte[] data, int first, int n, int head, ByteArrayOutputStream out) {
    int own = n / KEY_HEADS;
    out.write(data, (first + head * own) * ROW_BYTES, own * ROW_BYTES);
  }

  @Test
  void joinedProjectionsGiveTheSameBits() throws IOException {
    int[] tokens = tokens("qwen3next");
    float[] expected = {};
    for (Repacking repacking : Repacking.values()) {
      for (boolean together : new boolean[] {true, false}) {
        ModelOptions options = ModelOptions.DEFAULT.withRepacking(repacking);
        try (Model model = open(quantized(together), options)) {
          float[] actual = logits(model, tokens, tokens.length);
          assertTrue(Float.isFinite(actual[0]));
          expected = expected.length == 0 ? actual : expected;
          assertArrayEquals(expected, actual);
        }
      }
    }
  }

  private static List<Boolean> attends(Model model) {
    var shape = model.architecture().kvShape();
    return List.of(shape.hasKeys(0), shape.hasKeys(1), shape.hasKeys(2));
  }

  /** By default, all layers but each n-th one are recurrent. */
  @Test
  void layersByTheirInterval() throws IOException {
    GgufWriter writer = TinyModels.writer("qwen35");
    writer.remove("qwen35.attention.recurrent_layers");
    writer.uint32("qwen35.full_attention_interval", 2);
    try (Model named = open(TinyModels.writer("qwen35"));
        Model counted = open(writer)) {
      assertEquals(List.of(false, true, false), attends(named));
      assertEquals(attends(named), attends(counted));
    }
    assertRefused(
        ModelException.class,
        "qwen35",
        "full_attention_interval",
        w -> {
          w.remove("qwen35.attention.recurrent_layers");
          w.uint32("qwen35.full_attention_interval", 0);
        });
  }
}
