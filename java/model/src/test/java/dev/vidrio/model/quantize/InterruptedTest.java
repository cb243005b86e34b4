package dev.vidrio.model.quantize;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.testfiles.GgufWriter;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tests that an interrupted write leaves no incomplete file. */
class InterruptedTest {

  private static final int TENSORS = 4;

  @TempDir private Path directory;

  /** Writes a file and blocks after a number of tensors. */
  static final class Writer {
    private Writer() {}

    public static void main(String[] args) {
      int stopAfter = Integer.parseInt(args[2]);
      int[] done = {0};
      QuantizeOptions options =
          QuantizeOptions.of(FileType.Q8_0)
              .withProgress(
                  fraction -> {
                    done[0]++;
                    System.out.println(done[0]);
                    while (done[0] == stopAfter) {
                      Thread.onSpinWait();
                    }
                  });
      try {
        Quantizer.quantize(Path.of(args[0]), Path.of(args[1]), options);
      } catch (RuntimeException e) {
        System.out.println(e.getMessage());
      }
    }
  }

  @BeforeEach
  void writeInput() throws IOException {
    GgufWriter writer =
        new GgufWriter()
            .string("general.architecture", "llama")
            .uint32("llama.block_count", TENSORS);
    for (int l = 0; l < TENSORS; l++) {
      writer.tensor("blk." + l + ".ffn_up.weight", GgmlType.F32, new byte[4 << 18], 1024, 256);
    }
    Files.write(directory.resolve("in.gguf"), writer.toImage().bytes());
  }

  private Path target() {
    return directory.resolve("out.gguf");
  }

  private Process start(int stopAfter, String... shell) throws IOException, URISyntaxException {
    Path self =
        Path.of(
            Objects.requireNonNull(
                    InterruptedTest.class.getResource(
                        "/" + getClass().getName().replace('.', '/') + ".class"))
                .toURI());
    Path classes = self;
    for (int i = 0; i <= getClass().getName().chars().filter(c -> c == '.').count(); i++) {
      classes = Objects.requireNonNull(classes.getParent());
    }
    List<String> command = new ArrayList<>(List.of(shell));
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    String library = System.getProperty("vidrio.library.path");
    if (library != null) {
      command.add("-Dvidrio.library.path=" + library);
    }
    command.addAll(
        List.of(
            "-XX:-UsePerfData",
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            String.join(
                File.pathSeparator,
                classes.toString(),
                System.getProperty("jdk.module.path", ""),
                System.getProperty("java.class.path", "")),
            Writer.class.getName(),
            directory.resolve("in.gguf").toString(),
            target().toString(),
            Integer.toString(stopAfter)));
    return new ProcessBuilder(command).redirectErrorStream(true).start();
  }

  private void killAfter(int tensors) throws Exception {
    Process process = start(tensors);
    try (BufferedReader out = process.inputReader(StandardCharsets.UTF_8)) {
      for (int i = 1; i <= tensors; i++) {
        assertEquals(Integer.toString(i), out.readLine());
      }
      process.destroyForcibly().waitFor();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, TENSORS})
  void killedProcessLeavesNoFile(int tensors) throws Exception {
    killAfter(tensors);
    assertFalse(Files.exists(target()));
  }

  @Test
  void killedProcessLeavesTheOldFile() throws Exception {
    Files.writeString(target(), "old");
    killAfter(2);
    assertEquals("old", Files.readString(target()));
  }

  @Test
  void completedProcessLeavesTheWholeFile() throws Exception {
    Process process = start(-1);
    process.inputReader(StandardCharsets.UTF_8).lines().forEach(line -> {});
    assertEquals(0, process.waitFor());
    assertTrue(Files.size(target()) > 4 * 1024 * 256);
  }

  /** Raises the error of a full disk, with another message. */
  @Test
  @EnabledOnOs(OS.LINUX)
  void namesFilesThatCannotGrow() throws Exception {
    Process process = start(-1, "sh", "-c", "ulimit -f 600; exec \"$@\"", "sh");
    List<String> lines = process.inputReader(StandardCharsets.UTF_8).lines().toList();
    process.waitFor();
    assertTrue(
        lines.getLast().startsWith(target() + ": cannot be written: "), () -> lines.toString());
    assertFalse(Files.exists(target()));
    try (var files = Files.list(directory)) {
      assertEquals(List.of("in.gguf"), files.map(path -> path.getFileName().toString()).toList());
    }
  }
}
