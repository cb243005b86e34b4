package dev.vidrio.kernel.java.memory;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vidrio.kernel.ffm.WeightEncoder;
import dev.vidrio.kernel.weight.WeightType;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Java and C decode blocks like the gguf package of llama.cpp, bit for bit. The script blocks.py
 * generates blocks.txt, which covers every point of every grid.
 */
class RowBlockTest {

  static List<String> lines() throws IOException {
    try (InputStream in = RowBlockTest.class.getResourceAsStream("blocks.txt")) {
      byte[] text = Objects.requireNonNull(in).readAllBytes();
      return new String(text, StandardCharsets.US_ASCII).lines().toList();
    }
  }

  private static String sha256(MemorySegment floats) throws NoSuchAlgorithmException {
    byte[] bytes = floats.toArray(ValueLayout.JAVA_BYTE);
    return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
  }

  @ParameterizedTest
  @MethodSource("lines")
  void decodesBlocksLikeGguf(String line) throws NoSuchAlgorithmException {
    String[] words = line.split(" ", -1);
    WeightType type = WeightType.valueOf(words[0]);
    byte[] blocks = Base64.getDecoder().decode(words[1]);
    int k = blocks.length / type.blockBytes() * type.blockElements();
    try (Arena arena = Arena.ofShared()) {
      MemorySegment source = arena.allocateFrom(ValueLayout.JAVA_BYTE, blocks);
      MemorySegment floats = arena.allocate(JAVA_FLOAT, k);
      for (int i = 0; i < k; i++) {
        long at = (long) i / type.blockElements() * type.blockBytes();
        float element = new RowBlock(type, source, at).element(i % type.blockElements());
        floats.setAtIndex(JAVA_FLOAT, i, element);
      }
      assertEquals(words[2], sha256(floats), "in Java");
      floats.fill((byte) 0);
      WeightEncoder.encode(type, WeightType.F32, 1, k, source, null, floats);
      assertEquals(words[2], sha256(floats), "in C");
    }
  }
}
