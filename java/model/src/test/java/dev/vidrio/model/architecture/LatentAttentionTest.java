package dev.vidrio.model.architecture;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vidrio.model.Model;
import dev.vidrio.model.Session;
import dev.vidrio.model.SessionOptions;
import dev.vidrio.model.gguf.GgmlType;
import dev.vidrio.model.gguf.Gguf;
import dev.vidrio.model.gguf.GgufTensor;
import dev.vidrio.model.testfiles.GgufWriter;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files of latent attention: with one matrix to keys and values, or with two. */
class LatentAttentionTest {
  private static final int HEADS = 4;
  private static final int RANK = 16;
  private static final int STILL = 8;
  private static final int TURNING = 4;
  private static final int D_V = 6;
  private static final int BYTES = 2; // of a BF16

  @TempDir private Path directory;

  private Path write(GgufWriter writer) throws IOException {
    return Files.write(Files.createTempFile(directory, "model", ".gguf"), writer.toBytes());
  }

  private static float[] logits(Path path) {
    try (Model model = Model.open(path);
        Session session = model.newSession(SessionOptions.DEFAULT)) {
      int[] tokens = TinyModels.expected("deepseek3").ints("tokens");
      return session.feed(session.newSequence(), tokens).toArray(JAVA_FLOAT);
    }
  }

  /** Puts the matrices together as older files have them, whose lengths are those of heads. */
  private static GgufWriter joined() {
    GgufWriter writer = TinyModels.writer("deepseek3");
    try (Arena arena = Arena.ofConfined()) {
      Gguf gguf = TinyModels.gguf("deepseek3", arena);
      for (int l = 0; l < 2; l++) {
        String prefix = "blk." + l + ".attn_";
        GgufTensor keys = gguf.tensor(prefix + "k_b.weight");
        assertEquals(GgmlType.BF16, keys.type());
        byte[] k = keys.data().toArray(JAVA_BYTE);
        byte[] v = gguf.tensor(prefix + "v_b.weight").data().toArray(JAVA_BYTE);
        writer
            .removeTensor(prefix + "k_b.weight")
            .removeTensor(prefix + "v_b.weight")
            .tensor(prefix + "kv_b.weight", GgmlType.BF16, rows(k, v), RANK, HEADS * (STILL + D_V));
      }
    }
    return writer
        .remove("deepseek2.attention.key_length_mla")
        .remove("deepseek2.attention.value_length_mla")
        .uint32("deepseek2.attention.head_count_kv", HEADS)
        .uint32("deepseek2.attention.key_length", STILL + TURNING)
        .uint32("deepseek2.attention.value_length", D_V);
  }

  /** Of each head the rows to its key, transposed in k, then those to its value. */
  private static byte[] rows(byte[] k, byte[] v) {
    var joined = new byte[HEADS * (STILL + D_V) * RANK * BYTES];
    for (int head = 0; head < HEADS; head++) {
      int first = head * (STILL + D_V) * RANK;
      for (int i = 0; i < STILL; i++) {
        for (int j = 0; j < RANK; j++) {
          int from = (head * RANK + j) * STILL + i;
          System.arraycopy(k, from * BYTES, joined, (first + i * RANK + j) * BYTES, BYTES);
        }
      }
      int at = (first + STILL * RANK) * BYTES;
      int bytes = D_V * RANK * BYTES;
      System.arraycopy(v, head * bytes, joined, at, bytes);
    }
    return joined;
  }

  @Test
  void oneMatrixGivesTheBitsOfTwo() throws IOException {
    assertArrayEquals(logits(write(TinyModels.writer("deepseek3"))), logits(write(joined())));
  }
}
