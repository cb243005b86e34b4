package dev.vidrio.model.state;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.ffm.Isa;
import dev.vidrio.kernel.ffm.NativeExecutor;
import dev.vidrio.kernel.host.Sha256;
import dev.vidrio.kernel.op.Arithmetic;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.SequenceCheckpoint;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Pins the bits of computed states. If this fails because the arithmetic or the layout of the cache
 * changed, with an equal {@code KvShape}, increase {@code StateKey.ARITHMETIC}, so that files of
 * earlier versions are not read, and then change the expected hashes.
 */
class StateBitsTest {
  private static final int TOKENS = 100;

  @TempDir Path directory;

  @ParameterizedTest
  @CsvSource({
    "llama, F32, INT8, cf4715052fc55fc8",
    "llama, F16, INT8, 0d769195f6c35003",
    "llama, BF16, INT8, fac11614ca39a280",
    "llama, F32, BF16, 81e7ec9f4cb08f5e",
    "qwen35, F32, INT8, 8c8b61a5b24b1588",
    "granitehybrid, F32, INT8, 6a38f9de0ffe07b9",
    "recurrent_gemma, F32, INT8, 09b686952add4326",
    "lfm2, F32, INT8, 52c6b203c22be323"
  })
  void statesHaveTheBitsOfTheVersion(
      String name, KvType type, Arithmetic arithmetic, String expected) throws IOException {
    Path file = TinyModels.writeLong(directory.resolve("model.gguf"), name);
    for (Isa isa : Isa.usableHere()) {
      try (Model model = Model.open(file, ModelOptions.with(() -> NativeExecutor.create(isa, 2)));
          Session session =
              model.newSession(SessionOptions.DEFAULT.withKvType(type).withArithmetic(arithmetic));
          Arena arena = Arena.ofConfined()) {
        Sequence sequence = session.newSequence();
        int[] tokens = new Random(9).ints(TOKENS / 16 * 16, 0, 64).toArray();
        session.feed(sequence, tokens);
        assertEquals(
            expected, hash(session.cache(), sequence.checkpoint(tokens), arena), isa.name());
      }
    }
    assertEquals(1, StateKey.ARITHMETIC, "with another version, other hashes are expected");
  }

  private static String hash(KvCache cache, SequenceCheckpoint state, Arena arena) {
    int[] blocks = state.blocks();
    List<MemorySegment> parts = new ArrayList<>(cache.block(blocks[0]));
    parts.addAll(cache.copyOf(blocks[1], TOKENS / 16 * 16 - KvCache.BLOCK, arena));
    if (cache.slots() > 0) {
      parts.add(cache.slot(state.slot()));
    }
    MessageDigest digest = Sha256.newDigest();
    parts.forEach(part -> digest.update(part.asByteBuffer()));
    return HexFormat.of().formatHex(digest.digest(), 0, 8);
  }
}
