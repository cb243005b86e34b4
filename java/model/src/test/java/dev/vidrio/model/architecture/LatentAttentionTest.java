package dev.vidrio.model.architecture;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.gguf.GgufTensor;
import dev.vidrio.formats.testfiles.GgufWriter;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.KvShape;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.ffm.Isa;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.java.JavaExecutor;
import dev.vidrio.kernel.weight.Repacking;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;
import java.util.stream.IntStream;
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
    return logits(path, ModelOptions.DEFAULT);
  }

  private static float[] logits(Path path, ModelOptions options) {
    try (Model model = Model.open(path, options);
        Session session = model.newSession(SessionOptions.DEFAULT)) {
      int[] tokens = TinyModels.expected("deepseek3").ints("tokens");
      return session.feed(session.newSequence(), tokens).toArray(JAVA_FLOAT);
    }
  }

  /** Joins the matrices as in older files, where lengths are those of heads. */
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

  /** Per head: the rows of its key, transposed in k, then the rows of its value. */
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

  /** A latent vector as long as a block of Q8_0, and matrices of such blocks from it. */
  private static GgufWriter quantized() {
    int rank = 32;
    int width = 32;
    GgufWriter writer = joined().uint32("deepseek2.attention.kv_lora_rank", rank);
    var random = new Random(5);
    for (int l = 0; l < 2; l++) {
      String prefix = "blk." + l + ".attn_kv_";
      var ones = ByteBuffer.allocate(rank * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
      IntStream.range(0, rank).forEach(_ -> ones.putFloat(1));
      writer
          .removeTensor(prefix + "a_norm.weight")
          .removeTensor(prefix + "a_mqa.weight")
          .removeTensor(prefix + "b.weight")
          .tensor(prefix + "a_norm.weight", GgmlType.F32, ones.array(), rank);
      put(writer, prefix + "a_mqa.weight", random, width, rank + TURNING);
      put(writer, prefix + "b.weight", random, rank, HEADS * (STILL + D_V));
    }
    return writer;
  }

  /** Rows of one random block each. */
  private static void put(GgufWriter writer, String name, Random random, int columns, int rows) {
    var blocks = ByteBuffer.allocate(rows * (Short.BYTES + columns)).order(ByteOrder.LITTLE_ENDIAN);
    var quants = new byte[columns];
    for (int row = 0; row < rows; row++) {
      random.nextBytes(quants);
      blocks.putShort(Float.floatToFloat16(0.002f)).put(quants);
    }
    writer.tensor(name, GgmlType.Q8_0, blocks.array(), columns, rows);
  }

  @Test
  void packedRowsGiveTheBitsOfThoseInTheFile() throws IOException {
    Path file = write(quantized());
    float[] packed = logits(file, ModelOptions.DEFAULT.withRepacking(Repacking.AT_ONCE));
    assertArrayEquals(logits(file, ModelOptions.DEFAULT.withRepacking(Repacking.NEVER)), packed);
    for (float logit : packed) {
      assertTrue(Float.isFinite(logit));
    }
  }

  @Test
  void latentCachesOfBothFilesGiveEqualBits() throws IOException {
    ModelOptions latent = ModelOptions.DEFAULT.withLatentCache(true);
    assertArrayEquals(
        logits(write(TinyModels.writer("deepseek3")), latent), logits(write(joined()), latent));
  }

  @Test
  void latentCachesGiveEqualBitsOnAllExecutors() throws IOException {
    Path file = write(quantized());
    float[] expected = logits(file, ModelOptions.DEFAULT.withLatentCache(true));
    List<Supplier<Executor>> executors = new ArrayList<>();
    Isa.usableHere().forEach(isa -> executors.add(() -> NativeExecutor.create(isa, 2)));
    executors.add(() -> JavaExecutor.scalar(1));
    executors.add(() -> JavaExecutor.vector(2));
    for (Supplier<Executor> executor : executors) {
      assertArrayEquals(expected, logits(file, ModelOptions.with(executor).withLatentCache(true)));
    }
    float[] decompressed = logits(file);
    for (int i = 0; i < expected.length; i++) {
      assertEquals(decompressed[i], expected[i], 0.02, "logit " + i);
    }
  }

  /** The cache has the latent vector and the rotated part of the key. */
  @Test
  void latentCachesTakeLessMemory() throws IOException {
    ModelOptions latent = ModelOptions.DEFAULT.withLatentCache(true);
    try (Model model = Model.open(write(TinyModels.writer("deepseek3")), latent)) {
      KvShape shape = model.architecture().kvShape();
      assertEquals(2 * (RANK + TURNING) * Float.BYTES, shape.bytesPerPosition(KvType.F32));
    }
  }

  @Test
  void rejectsLatentVectorsThatAreTooLong() throws IOException {
    Path file = write(joined().uint32("deepseek2.attention.kv_lora_rank", 1021));
    var e =
        assertThrows(
            ModelFileException.class,
            () -> logits(file, ModelOptions.DEFAULT.withLatentCache(true)));
    assertTrue(
        String.valueOf(e.getMessage()).contains("attention.kv_lora_rank' 1021: must be 1 to 1020"),
        e.getMessage());
  }
}
