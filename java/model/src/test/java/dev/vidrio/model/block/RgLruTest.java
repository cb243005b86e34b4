package dev.vidrio.model.block;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.testfiles.GgufWriter;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.weight.Repacking;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.model.Model;
import dev.vidrio.model.quantize.FileType;
import dev.vidrio.model.quantize.QuantizeOptions;
import dev.vidrio.model.quantize.Quantizer;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RgLruTest {
  private static final int BLOCKS = 3;
  private static final int N = 32;

  @ParameterizedTest
  @CsvSource({"F32, 128", "Q8_0, 34"})
  void matricesOfGatesAreBlockDiagonal(GgmlType type, int blockBytes) {
    byte[] file = new byte[BLOCKS * N * blockBytes];
    new Random(4).nextBytes(file);
    byte[] gguf = new GgufWriter().tensor("gate.weight", type, file, N, N, BLOCKS).toBytes();
    try (Arena arena = Arena.ofShared();
        Executor executor = NativeExecutor.create()) {
      MemorySegment data = arena.allocate(gguf.length, 64).copyFrom(MemorySegment.ofArray(gguf));
      var loader =
          new WeightLoader(
              Gguf.parse("gates", data), executor, arena, bytes -> {}, Repacking.NEVER);
      Weights matrix = loader.blockDiagonal("gate.weight", BLOCKS, N);
      assertEquals(BLOCKS * N, matrix.n());
      assertEquals(BLOCKS * N, matrix.k());
      for (int row = 0; row < BLOCKS * N; row++) {
        byte[] expected = new byte[BLOCKS * blockBytes];
        int to = row / N * blockBytes;
        System.arraycopy(file, row * blockBytes, expected, to, blockBytes);
        MemorySegment actual = matrix.data().asSlice((long) row * expected.length, expected.length);
        assertArrayEquals(expected, actual.toArray(JAVA_BYTE), "row " + row);
      }
    }
  }

  @Test
  void quantizes(@TempDir Path directory) throws IOException {
    Path from = TinyModels.write(directory.resolve("from.gguf"), "recurrent_gemma");
    Path to = directory.resolve("to.gguf");
    Quantizer.quantize(from, to, QuantizeOptions.of(FileType.Q4_K_M));
    int[] tokens = TinyModels.expected("recurrent_gemma").ints("tokens");
    try (Model model = Model.open(to);
        Session session = model.newSession(SessionOptions.DEFAULT)) {
      float[] logits = session.feed(session.newSequence(), tokens).toArray(JAVA_FLOAT);
      assertTrue(Float.isFinite(logits[0]), Arrays.toString(logits));
    }
  }
}
