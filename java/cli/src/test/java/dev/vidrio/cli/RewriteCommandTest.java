package dev.vidrio.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.testfiles.BardFiles;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** {@code convert} and {@code quantize} write complete files or none. */
class RewriteCommandTest {

  private static final Path LLAMA =
      Path.of("../model/src/test/resources/dev/vidrio/model/architecture/llama");
  private static final String BARD = BardFiles.q8().toString();

  @TempDir private Path directory;

  private Path output() {
    return directory.resolve("out.gguf");
  }

  private String[] quantize(String type) {
    return new String[] {"quantize", BARD, "-o", output().toString(), "--type", type};
  }

  private String[] convert(Path input) {
    return new String[] {"convert", input.toString(), "-o", output().toString()};
  }

  /** Asserts that the directory has only these files. */
  private void assertHolds(String... names) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      List<String> found = files.map(file -> file.getFileName().toString()).sorted().toList();
      assertEquals(List.of(names), found);
    }
  }

  private static void assertFails(String expected, Cli result) {
    assertEquals(1, result.code(), result.err());
    assertTrue(result.err().startsWith("vidrio: "), result.err());
    assertTrue(result.err().contains(expected), () -> expected + " in: " + result.err());
    assertTrue(result.err().lines().count() <= 2, result.err());
    assertFalse(result.err().contains("\tat "), result.err());
  }

  @Test
  void quantizesToAnotherType() throws IOException {
    Cli done = Cli.run(quantize("Q4_K_M"));
    assertEquals(0, done.code(), done.err());
    assertTrue(done.out().contains("bits per weight"), done.out());
    assertHolds("out.gguf");
    Cli run = Cli.run("run", "-m", output().toString(), "-p", "To be", "-n", "2", "--temp", "0");
    assertEquals(0, run.code(), run.err());
  }

  @Test
  void quantizeReportsJson() {
    List<String> arguments = new ArrayList<>(List.of(quantize("F32")));
    arguments.add("--json");
    JsonNode told = Cli.run(arguments.toArray(String[]::new)).json();
    assertEquals(output().toString(), told.get("file").stringValue());
    assertEquals(32, told.get("bits_per_weight").doubleValue());
    assertTrue(told.get("types").has("F32"), told::toString);
  }

  @Test
  void convertsDirectoryToFile() throws IOException {
    Cli done = Cli.run(convert(LLAMA));
    assertEquals(0, done.code(), done.err());
    assertHolds("out.gguf");
    try (Arena arena = Arena.ofConfined()) {
      Gguf written = Gguf.open(output(), arena);
      assertEquals("llama", written.metadata().string("general.architecture"));
      assertTrue(written.findTensor("token_embd.weight").isPresent());
    }
  }

  @Test
  void reportsInvalidInputs() throws IOException {
    Path none = directory.resolve("none.gguf");
    String out = output().toString();
    assertFails("none.gguf: no such file", quantizeFile(none));
    assertFails("is a directory", quantizeFile(LLAMA));
    byte[] bard = Files.readAllBytes(BardFiles.q8());
    Path cut = Files.write(directory.resolve("cut.gguf"), Arrays.copyOf(bard, bard.length / 2));
    assertFails("cut.gguf: ", quantizeFile(cut));
    assertFails("no such directory", Cli.run(convert(none)));
    assertFails("is not a directory", Cli.run(convert(cut)));
    Path half = Files.createDirectory(directory.resolve("half"));
    assertFails("config.json", Cli.run(convert(half)));
    Files.copy(LLAMA.resolve("config.json"), half.resolve("config.json"));
    byte[] weights = Files.readAllBytes(LLAMA.resolve("model.safetensors"));
    Path file = half.resolve("model.safetensors");
    Files.write(file, Arrays.copyOf(weights, weights.length / 2));
    assertFails("model.safetensors", Cli.run(convert(half)));
    assertFails(
        "imatrix",
        Cli.run("quantize", BARD, "-o", out, "--type", "Q4_K", "--imatrix", "no.imatrix"));
    assertHolds("cut.gguf", "half");
  }

  private Cli quantizeFile(Path input) {
    return Cli.run("quantize", input.toString(), "-o", output().toString(), "--type", "F16");
  }

  @Test
  @DisabledOnOs(OS.WINDOWS)
  void reportsUnreadableInputs() throws IOException {
    Path secret = Files.copy(BardFiles.q8(), directory.resolve("secret.gguf"));
    Files.setPosixFilePermissions(secret, PosixFilePermissions.fromString("---------"));
    assumeFalse(Files.isReadable(secret), "the user may read everything");
    assertFails("secret.gguf: ", quantizeFile(secret));
    assertHolds("secret.gguf");
  }

  @Test
  void reportsUnwritableOutputs() throws IOException {
    String absent = directory + "/none/out.gguf";
    assertFails(
        absent + ": cannot be written: no such directory",
        Cli.run("quantize", BARD, "-o", absent, "--type", "F16"));
    assertFails(
        "regular file", Cli.run("quantize", BARD, "-o", directory.toString(), "--type", "F16"));
    assertFails("none", Cli.run("convert", LLAMA.toString(), "-o", absent));
    assertHolds();
  }

  @Test
  @DisabledOnOs(OS.WINDOWS)
  void rejectsDevices() {
    assertFails("/dev/full", Cli.run("quantize", BARD, "-o", "/dev/full", "--type", "F16"));
  }

  /** Simulates a full disk by a limit of file sizes. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  @DisabledOnOs(OS.WINDOWS)
  void fullDiskKeepsOldFile(boolean converts) throws IOException, InterruptedException {
    Files.writeString(output(), "old");
    List<String> command = new ArrayList<>(List.of("sh", "-c", "ulimit -f 16; exec \"$@\"", "sh"));
    command.addAll(Cli.process(converts ? convert(LLAMA) : quantize("F32")));
    Process process = start(command);
    String errors = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
    assertFails("out.gguf", new Cli(process.waitFor(), "", errors));
    assertEquals("old", Files.readString(output()));
    assertHolds("out.gguf");
  }

  @ParameterizedTest
  @ValueSource(strings = {"F32", "Q2_K", "Q4_K_M"})
  @Tag("long")
  void killedQuantizationLeavesNoPartialFile(String type) throws IOException, InterruptedException {
    assertWholeWhereKilled(1 << 16, quantize(type));
  }

  @Test
  void killedConversionLeavesNoPartialFile() throws IOException, InterruptedException {
    assertWholeWhereKilled(1 << 10, convert(LLAMA));
  }

  @Test
  @DisabledOnOs(OS.WINDOWS) // has no way to end a process that may clean up
  void interruptLeavesNoTemporaryFile() throws IOException, InterruptedException {
    Process process = start(Cli.process(quantize("Q2_K")));
    while (process.isAlive() && !hasPart(1 << 16)) {
      Thread.onSpinWait();
    }
    process.destroy();
    process.waitFor();
    assertFalse(hasPart(-1));
  }

  /**
   * The process is ended, without a chance to clean up, as soon as its temporary file is there, and
   * when it has grown by some steps.
   */
  private void assertWholeWhereKilled(long step, String... arguments)
      throws IOException, InterruptedException {
    assertEquals(0, Cli.run(arguments).code());
    byte[] whole = Files.readAllBytes(output());
    byte[] old = "old".getBytes(StandardCharsets.UTF_8);
    for (int wait = 0; wait < 3; wait++) {
      Files.write(output(), old);
      Process process = start(Cli.process(arguments));
      while (process.isAlive() && !hasPart(wait * step)) {
        Thread.onSpinWait();
      }
      process.destroyForcibly().waitFor();
      byte[] left = Files.readAllBytes(output());
      assertArrayEquals(left.length == old.length ? old : whole, left);
    }
  }

  /** Returns whether there is a temporary file of more than a number of bytes. */
  private boolean hasPart(long bytes) throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      return files.anyMatch(
          file -> file.toString().endsWith(".part") && file.toFile().length() > bytes);
    }
  }

  private static Process start(List<String> command) throws IOException {
    return new ProcessBuilder(command).redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
  }
}
