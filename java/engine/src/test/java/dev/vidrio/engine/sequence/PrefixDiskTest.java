package dev.vidrio.engine.sequence;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.model.state.StateDirectory;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class PrefixDiskTest {
  @TempDir Path directory;

  @Test
  void refusedWriter_dropsWrites_andCloses() {
    try (Model model = Model.open(BardFiles.q8());
        Session session = model.newSession(SessionOptions.DEFAULT)) {
      var disk =
          new PrefixDisk(
              StateDirectory.open(directory, 1 << 30),
              session,
              () -> {},
              task -> {
                throw new OutOfMemoryError("unable to create native thread");
              });
      KvCache cache = session.cache();
      var prefixes = new PrefixBlocks(cache, disk);
      int block = cache.acquire();
      prefixes.keep(null, new PrefixRoot("", null), new int[KvCache.BLOCK], 0, block);
      cache.release(block);
      assertEquals(1, disk.pending());
      disk.advance(false);
      assertEquals(0, disk.pending());
      assertEquals(1, disk.dropped());
      disk.close(Duration.ofSeconds(5));
      prefixes.clear();
      assertEquals(cache.blocks(), cache.freeBlocks());
    }
  }
}
