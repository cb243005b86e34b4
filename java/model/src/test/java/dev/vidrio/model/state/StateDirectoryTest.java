package dev.vidrio.model.state;

import static dev.vidrio.model.state.StateWriter.address;
import static dev.vidrio.model.state.StateWriter.isIntact;
import static dev.vidrio.model.state.StateWriter.parts;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.state.StateDirectory.Address;
import dev.vidrio.model.state.StateDirectory.Kind;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Tests that a state is read whole and intact or not at all. */
@Timeout(600)
class StateDirectoryTest {
  private static final long MANY = 1L << 30;

  @TempDir Path temporary;

  private final Arena arena = Arena.ofConfined();

  @AfterEach
  void close() {
    arena.close();
  }

  private StateDirectory open(long maxBytes) throws IOException {
    StateDirectory directory = StateDirectory.open(temporary.resolve("cache"), maxBytes);
    directory.register(StateWriter.MODEL, "test");
    return directory;
  }

  /** Returns the files of the states, sorted. */
  private List<Path> files() throws IOException {
    try (Stream<Path> files = Files.walk(temporary)) {
      return files.filter(file -> file.toString().matches(".*\\.(block|state)")).sorted().toList();
    }
  }

  @Test
  void readsWrittenStates() throws IOException {
    StateDirectory directory = open(MANY);
    assertFalse(isIntact(directory, 1, arena));
    assertEquals(
        StateWriter.BYTES + StateFile.HEADER, directory.write(address(1), parts(1, arena)));
    assertEquals(0, directory.write(address(1), parts(1, arena)), "exists");
    assertTrue(isIntact(directory, 1, arena));
    assertTrue(isIntact(open(MANY), 1, arena), "in another process");
    assertFalse(isIntact(directory, 2, arena));
  }

  /** A small state, its address and the bytes of its file. */
  private final class Small {
    final StateDirectory directory = open(MANY);
    final StateKey key = StateKey.root("small");
    final Address address =
        new Address(StateWriter.MODEL, Kind.STATE, key, StateKey.root("parent"), 80);
    final MemorySegment content = arena.allocate(100).fill((byte) 5);
    final Path file;
    final byte[] bytes;

    Small() throws IOException {
      directory.write(address, List.of(content));
      file = files().getFirst();
      bytes = Files.readAllBytes(file);
      assertEquals(164, bytes.length);
    }

    void assertRejected(byte[] changed, String how) throws IOException {
      Files.write(file, changed);
      MemorySegment read = arena.allocate(100);
      assertThrows(DamagedStateException.class, () -> directory.read(address, List.of(read)), how);
      assertFalse(Files.exists(file), "is deleted: " + how);
    }
  }

  @Test
  void rejectsEveryFlippedBit() throws IOException {
    var small = new Small();
    for (int i = 0; i < small.bytes.length; i++) {
      byte[] changed = small.bytes.clone();
      changed[i] ^= (byte) (1 << (i % 8));
      small.assertRejected(changed, "byte " + i);
    }
  }

  @Test
  void rejectsOtherLengths() throws IOException {
    var small = new Small();
    for (int i = 0; i < small.bytes.length; i++) {
      small.assertRejected(Arrays.copyOf(small.bytes, i), "truncated to " + i);
    }
    small.assertRejected(Arrays.copyOf(small.bytes, 165), "too long");
    small.assertRejected(new byte[164], "zeros");
  }

  /** A state of another key under the name of this one, as after a copy by hand. */
  @Test
  void rejectsStatesOfOtherKeys() throws IOException {
    var small = new Small();
    var other = new Address(StateWriter.MODEL, Kind.STATE, StateKey.root("x"), small.key, 80);
    small.directory.write(other, List.of(small.content));
    Path file = files().stream().filter(each -> !each.equals(small.file)).findFirst().orElseThrow();
    small.assertRejected(Files.readAllBytes(file), "another key");
  }

  /**
   * The file at 1000 random points of its writing: its end missing, as after a loss of power that
   * kept the name, or not written but allocated.
   */
  @Test
  void neverReadsHalfWrittenStates() throws IOException {
    StateDirectory directory = open(MANY);
    directory.write(address(3), parts(3, arena));
    Path file = files().getFirst();
    byte[] whole = Files.readAllBytes(file);
    var random = new Random(1);
    for (int i = 0; i < 1000; i++) {
      int cut = random.nextInt(whole.length);
      byte[] half = Arrays.copyOf(whole, cut);
      Files.write(file, i % 2 == 0 ? half : Arrays.copyOf(half, whole.length));
      MemorySegment read = arena.allocate(StateWriter.BYTES);
      assertThrows(
          DamagedStateException.class,
          () -> directory.read(address(3), List.of(read)),
          "cut at " + cut);
      assertEquals(List.of(), files());
    }
    // Under its temporary name a half state is never looked for.
    Files.write(file.resolveSibling("tmp-1"), Arrays.copyOf(whole, 1000));
    assertFalse(isIntact(directory, 3, arena));
    assertTrue(directory.write(address(3), parts(3, arena)) > 0);
    assertTrue(isIntact(directory, 3, arena));
  }

  private Process start(long states, long seed, int times) throws IOException {
    var command =
        List.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-Xshare:auto",
            "-XX:-UsePerfData",
            "-cp",
            System.getProperty("jdk.module.path", "")
                + System.getProperty("path.separator")
                + System.getProperty("java.class.path")
                + System.getProperty("path.separator")
                + Path.of("target/test-classes"),
            StateWriter.class.getName(),
            temporary.resolve("cache").toString(),
            "" + states,
            "" + seed,
            "" + times);
    return new ProcessBuilder(command).redirectErrorStream(true).start();
  }

  /** Kills processes while they write: as many as the property {@code vidrio.kills} says. */
  @Test
  void survivesKills() throws IOException, InterruptedException {
    var random = new Random(2);
    int kills =
        Integer.getInteger("vidrio.kills", Boolean.getBoolean("vidrio.test.exhaustive") ? 12 : 4);
    int found = 0;
    for (int kill = 0; kill < kills; kill++) {
      Process process = start(15, kill, Integer.MAX_VALUE);
      BufferedReader out = process.inputReader(StandardCharsets.UTF_8);
      for (int written = 1 + random.nextInt(20); written > 0; written--) {
        assertEquals("written", out.readLine());
      }
      process.destroyForcibly().waitFor();
      StateDirectory directory = open(MANY);
      for (int i = 0; i < StateWriter.STATES; i++) {
        try (Arena each = Arena.ofConfined()) {
          found += isIntact(directory, i, each) ? 1 : 0;
        }
      }
    }
    assertTrue(found > 0);
  }

  /** Processes write, read and delete the same states at once. */
  @Test
  void processesShareDirectory() throws IOException, InterruptedException {
    List<Process> processes = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      processes.add(start(10, i, 300));
    }
    for (Process process : processes) {
      String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertEquals(0, process.waitFor(), out);
      assertTrue(out.contains("written"), out);
    }
    assertTrue(files().size() <= 13, files().size() + " files");
  }

  /** Addresses of a chain of blocks. */
  private static List<Address> chain(String name) {
    List<Address> chain = new ArrayList<>();
    StateKey parent = StateKey.root(name);
    for (int i = 1; i <= 3; i++) {
      StateKey key = StateKey.root(name, "" + i);
      chain.add(new Address(StateWriter.MODEL, Kind.BLOCK, key, parent, 64 * i));
      parent = key;
    }
    return chain;
  }

  @Test
  void deletesLeastRecentlyUsedStates() throws IOException {
    long bytes = 1000 + StateFile.HEADER;
    MemorySegment content = arena.allocate(1000);
    StateDirectory directory = open(6 * bytes);
    List<Address> first = chain("first");
    List<Address> second = chain("second");
    for (Address each : Stream.concat(first.stream(), second.stream()).toList()) {
      assertEquals(bytes, directory.write(each, List.of(content)));
    }
    assertEquals(6 * bytes, directory.bytes());
    // The use of a block counts as one of those before it.
    assertTrue(directory.read(first.getLast(), List.of(content)));
    Address another = chain("third").getFirst();
    directory.write(another, List.of(content));
    // Children are deleted before their parents, down to 90 % of the limit.
    assertEquals(
        List.of(true, true, true, true, false, false, true),
        Stream.concat(Stream.concat(first.stream(), second.stream()), Stream.of(another))
            .map(directory::contains)
            .toList());
    assertEquals(5 * bytes, directory.bytes());
    assertEquals(0, directory.write(chain("x").get(1), List.of(arena.allocate(7 * bytes))));
  }

  @Test
  void listsAndClearsModels() throws IOException {
    StateDirectory directory = open(MANY);
    directory.write(address(1), parts(1, arena));
    StateDirectory.Usage usage = directory.list().getFirst();
    assertEquals("0123456789abcdef", usage.model());
    assertEquals("test", usage.name());
    assertEquals(1, usage.states());
    assertEquals(64, usage.positions());
    Path other = Files.writeString(temporary.resolve("cache/note.txt"), "mine");
    assertEquals(StateWriter.BYTES + StateFile.HEADER, directory.clear());
    assertEquals(List.of(), directory.list());
    assertTrue(Files.exists(other));
    assertFalse(isIntact(directory, 1, arena));
  }

  @Test
  @DisabledOnOs(OS.WINDOWS)
  void onlyOwnerReadsFiles() throws IOException {
    open(MANY).write(address(1), parts(1, arena));
    Path file = files().getFirst();
    assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
    assertEquals(
        "rwx------",
        PosixFilePermissions.toString(Files.getPosixFilePermissions(file.getParent())));
    assertEquals((byte) 'V', MemorySegment.ofArray(Files.readAllBytes(file)).get(JAVA_BYTE, 0));
  }

  @Test
  void rejectsDirectoriesThatCannotBeWritten() throws IOException {
    Path file = Files.createFile(temporary.resolve("file"));
    var e = assertThrows(InvalidInputException.class, () -> StateDirectory.open(file, MANY));
    assertTrue(
        e.getMessage().startsWith("cache directory " + file + ": cannot be written"),
        e.getMessage());
    assertThrows(
        InvalidInputException.class, () -> StateDirectory.open(file.resolve("below"), MANY));
    assertThrows(InvalidInputException.class, () -> StateDirectory.open(temporary, 0));
  }
}
