package dev.vidrio.fuzz;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.ModelException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Runs the harnesses without Jazzer: seeds, corpus, former findings, and random changes of seeds.
 */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class HarnessesTest {
  private static final Path FINDINGS = Path.of("src/test/resources/dev/vidrio/fuzz/findings");
  private static final int CHANGES = 100;

  static Stream<Harness> harnesses() {
    return Harness.all().stream();
  }

  @ParameterizedTest
  @MethodSource("harnesses")
  void acceptsCorpusAndFormerFindings(Harness harness) throws IOException {
    assertFalse(harness.seeds().get().isEmpty());
    for (byte[] input : harness.inputs()) {
      run(harness, input);
    }
    Path directory = FINDINGS.resolve(harness.name());
    if (Files.exists(directory)) {
      try (Stream<Path> files = Files.list(directory)) {
        for (Path file : files.sorted().toList()) {
          run(harness, Files.readAllBytes(file));
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("harnesses")
  void survivesChangedSeeds(Harness harness) {
    List<byte[]> seeds = harness.seeds().get();
    SplittableRandom random = new SplittableRandom(33);
    for (int i = 0; i < CHANGES; i++) {
      byte[] changed = seeds.get(i % seeds.size());
      for (int n = 1 + random.nextInt(3); n > 0; n--) {
        changed = changed(changed, seeds.get(random.nextInt(seeds.size())), random);
      }
      run(harness, changed);
    }
  }

  @Test
  void reportsUnmetConditions() {
    assertThrows(AssertionError.class, () -> Oracle.requireEqual(1, 2, "numbers"));
    assertEquals(
        Harness.all().size(), Harness.all().stream().map(Harness::name).distinct().count());
  }

  /** Otherwise every change of a fixture is rejected before the mapping of its class. */
  @Test
  void configurationsOfFixturesAreAccepted() {
    List<byte[]> configs = ConfigHarness.seeds();
    long accepted = configs.stream().filter(HarnessesTest::isAccepted).count();
    assertTrue(accepted > configs.size() * 3 / 4, accepted + " of " + configs.size());
    SaeHarness.seeds().forEach(SaeHarness::open);
  }

  private static boolean isAccepted(byte[] config) {
    try {
      return ConfigHarness.opens(config);
    } catch (ModelException e) {
      return false; // another fixture of the class has other tensors
    }
  }

  @ParameterizedTest
  @MethodSource("harnesses")
  void parsersExist(Harness harness) {
    for (String each : harness.parser()) {
      String path = "dev/vidrio/" + each.replace("-", "").replace('.', '/');
      ClassLoader loader = HarnessesTest.class.getClassLoader();
      boolean exists =
          loader.getResource(path + ".class") != null || loader.getResource(path) != null;
      assertTrue(exists, each);
    }
  }

  @Test
  void findingsBelongToHarnesses() throws IOException {
    List<String> names = Harness.all().stream().map(Harness::name).toList();
    try (Stream<Path> directories = Files.list(FINDINGS)) {
      assertTrue(directories.allMatch(each -> names.contains(String.valueOf(each.getFileName()))));
    }
  }

  private static void run(Harness harness, byte[] data) {
    try {
      harness.body().run(data);
    } catch (RuntimeException | Error e) {
      String hex = HexFormat.of().formatHex(Arrays.copyOf(data, Math.min(data.length, 4096)));
      throw new AssertionError(harness.name() + " fails on " + hex, e);
    }
  }

  /** Overwrites, inserts, removes or repeats some bytes, or inserts bytes of another input. */
  private static byte[] changed(byte[] data, byte[] other, SplittableRandom random) {
    int at = random.nextInt(data.length + 1);
    int length = random.nextInt(Math.min(16, data.length - at) + 1);
    byte[] piece =
        switch (random.nextInt(5)) {
          case 0 -> new byte[0];
          case 1 -> new byte[] {(byte) random.nextInt(256)};
          case 2 -> Arrays.copyOfRange(data, at, at + length);
          case 3 -> {
            int from = random.nextInt(other.length + 1);
            yield Arrays.copyOfRange(other, from, Math.min(other.length, from + 24));
          }
          default -> {
            byte[] edge = new byte[length];
            Arrays.fill(edge, (byte) (random.nextBoolean() ? -1 : 0));
            yield edge;
          }
        };
    int end = random.nextBoolean() ? at : at + length;
    byte[] result = Arrays.copyOf(data, at + piece.length + data.length - end);
    System.arraycopy(piece, 0, result, at, piece.length);
    System.arraycopy(data, end, result, at + piece.length, data.length - end);
    return result;
  }
}
