package dev.vidrio.kernel.host;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;

class CacheDirectoryTest {
  private static final Path HOME = Path.of("/home/ann");

  @Test
  void prefersEnvironmentToHomeDirectory() {
    assertEquals(
        Path.of("/own"),
        CacheDirectory.root(Map.of("VIDRIO_HOME", "/own", "XDG_CACHE_HOME", "/caches"), HOME));
    assertEquals(
        Path.of("/caches/vidrio"), CacheDirectory.root(Map.of("XDG_CACHE_HOME", "/caches"), HOME));
    assertEquals(
        Path.of("/home/bob/.cache/vidrio"), CacheDirectory.root(Map.of("HOME", "/home/bob"), HOME));
    assertEquals(Path.of("/home/ann/.cache/vidrio"), CacheDirectory.root(Map.of(), HOME));
    assertEquals(
        Path.of("/home/ann/.cache/vidrio"),
        CacheDirectory.root(Map.of("XDG_CACHE_HOME", "relative", "VIDRIO_HOME", ""), HOME));
  }
}
