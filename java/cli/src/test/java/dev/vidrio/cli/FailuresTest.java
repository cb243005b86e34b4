package dev.vidrio.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vidrio.formats.testfiles.hostile.HostileFile;
import dev.vidrio.formats.testfiles.hostile.HostileFiles;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Failures end with exit code 1, one or two lines, and no stack trace. */
class FailuresTest {
  @TempDir Path directory;

  private static void assertFails(String expected, Cli result) {
    assertEquals(1, result.code(), result.err());
    assertTrue(result.err().startsWith("vidrio: "), result.err());
    assertTrue(result.err().contains(expected), () -> expected + " in: " + result.err());
    assertTrue(result.err().lines().count() <= 2, result.err());
    assertFalse(result.err().contains("\tat "), result.err());
    assertFalse(result.err().contains("internal error"), result.err());
  }

  private Path write(String name, String content) throws IOException {
    return Files.writeString(directory.resolve(name), content);
  }

  static Stream<HostileFile> hostile() {
    return Stream.concat(HostileFiles.all(), HostileFiles.models());
  }

  @ParameterizedTest
  @MethodSource("hostile")
  void rejectsHostileFiles(HostileFile file) throws IOException {
    Path path = Files.write(directory.resolve("hostile.gguf"), file.bytes());
    assertFails(path + ": ", Cli.run("run", "-m", path.toString(), "-p", "a", "-n", "1"));
  }

  @Test
  void reportsMissingModels() throws IOException {
    assertFails("no such file", Cli.run("run", "-m", directory + "/none.gguf"));
    assertFails("config.json: no such file", Cli.run("run", "-m", directory.toString()));
    assertFails("did you mean bard?", Cli.run("run", "-m", "brad"));
    // Tests run in the module's directory.
    assertFails("src/config.json: no such file", Cli.run("run", "-m", "src"));
    assertFails("is empty", Cli.run("inspect", write("empty.gguf", "").toString()));
  }

  @Test
  void inspectNamesUnsupportedConfiguration() throws IOException {
    write("config.json", "{\"architectures\": [\"MambaForCausalLM\"]}");
    assertFails(
        "config.json: key 'architectures' MambaForCausalLM is not supported",
        Cli.run("inspect", directory.toString()));
  }

  @Test
  void reportsInvalidInputs() throws IOException {
    assertFails(
        "token id 2048: must be 0 to 2047",
        Cli.run("run", "--ids", write("ids.json", "[0, 2048]").toString()));
    assertFails(
        "must be a token id", Cli.run("run", "--ids", write("ids.json", "[1.5]").toString()));
    assertFails(
        "must be a JSON array", Cli.run("run", "--ids", write("ids.json", "{}").toString()));
    assertFails(
        "ids.json: invalid JSON: Unexpected end-of-input: expected close marker for Array (line 1,"
            + " ",
        Cli.run("run", "--ids", write("ids.json", "[1").toString()));
    assertFails(
        "ids.json: invalid JSON: Unexpected content after the end (line 1, column 5)",
        Cli.run("run", "--ids", write("ids.json", "[0] [1]").toString()));
    assertFails(
        "ids.json: invalid JSON: Non-standard token 'NaN' (line 1, column 5)",
        Cli.run("run", "--ids", write("ids.json", "[NaN]").toString()));
    assertFails(
        "prompt: has no tokens", Cli.run("run", "--ids", write("ids.json", "[]").toString()));
    assertFails(
        "only 4 of the 4 positions", Cli.run("run", "-p", "To be, or not to be", "-c", "4"));
    String text = write("text.txt", "a").toString();
    String room = "the model was made for 1024 tokens";
    assertFails(room, Cli.run("run", "-p", "a", "-c", "1025"));
    String most = Integer.toString(Integer.MAX_VALUE);
    assertFails(room, Cli.run("bench", "-p", most, "-d", most));
    assertFails(room, Cli.run("lens", "scope", "-p", "a", "-n", most));
    assertFails("must be 0 to 2047", Cli.run("run", "-p", "a", "--logit-bias", "5000=1"));
    assertFails("must be 0 to 2047", Cli.run("run", "-p", "a", "--logit-bias", "-1=1"));
    assertFails(
        "text.txt: not a directory",
        Cli.run("lens", "sae", "train", "--hook", "hook_embed", "-f", text, "-o", text));
    assertFails(
        "value 1e39 must be finite",
        Cli.run("lens", "edit", "-p", "a", "--edit", "hook_embed set 1e39"));
    assertFails(
        "nowhere.invalid/v1: the host name cannot be resolved",
        Cli.run("bench", "serve", "--url", "http://nowhere.invalid"));
    assertFails("no such file", Cli.run("run", "-f", directory + "/none.txt"));
    assertFails("is a directory", Cli.run("run", "-f", directory.toString()));
    String nowhere = directory + "/none/";
    String absent = ": no such directory: " + directory.resolve("none");
    String page = nowhere + "page.html";
    String tensors = nowhere + "x.safetensors";
    assertFails(page + absent, Cli.run("lens", "heads", "-o", page));
    assertFails(tensors + absent, Cli.run("lens", "tune", "-f", text, "-o", tensors));
    assertFails(tensors + absent, Cli.run("lens", "cache", "-p", "a", "-o", tensors));
    Path latin1 = Files.write(directory.resolve("latin1.txt"), new byte[] {'a', (byte) 0xe9, 'b'});
    assertFails("is not UTF-8", Cli.run("run", "-f", latin1.toString()));
  }

  private static void assertWrongUsage(String expected, String... arguments) {
    Cli result = Cli.run(arguments);
    assertEquals(2, result.code(), result.err());
    assertTrue(result.err().startsWith("vidrio: " + expected), result.err());
    assertEquals(2, result.err().lines().count(), result.err());
  }

  @Test
  void valuesOutOfRangeAreWrongUsage() {
    assertWrongUsage("temperature -1: ", "run", "-p", "a", "--temp", "-1");
    assertWrongUsage("Invalid value for option '--file': must name a file", "run", "-f", "");
    assertWrongUsage("number of tokens -1: ", "run", "-p", "a", "-n", "-1");
    assertWrongUsage("context -1: ", "run", "-p", "a", "-c", "-1");
    assertWrongUsage("beams 0: ", "run", "-p", "a", "--beams", "0");
    assertWrongUsage("port 70000: must be 0 to 65535", "serve", "--port", "70000");
    assertWrongUsage("draft tokens 99: ", "serve", "--port", "0", "--draft-tokens", "99");
    assertWrongUsage("--drain -1: ", "serve", "--port", "0", "--drain", "-1");
    assertWrongUsage("--keep-alive -1: must be", "serve", "--port", "0", "--keep-alive", "-1");
    assertWrongUsage("--parallel 0: must be 1 to 1024", "serve", "--port", "0", "--parallel", "0");
    assertWrongUsage("--queue -1: must be 0 to", "serve", "--port", "0", "--queue", "-1");
    assertWrongUsage("--max-requests 0: ", "serve", "--port", "0", "--max-requests", "0");
    assertWrongUsage("--max-tokens 0: ", "serve", "--port", "0", "--max-tokens", "0");
    assertWrongUsage("--timeout 0: must be 1 to 2592000", "serve", "--port", "0", "--timeout", "0");
    assertWrongUsage("--max-wait -1.0: ", "serve", "--port", "0", "--max-wait", "-1");
    assertWrongUsage("--host: must name an address", "serve", "--port", "0", "--host", "");
    assertWrongUsage("-n -1: ", "lens", "cache", "-p", "a", "-n", "-1");
    assertWrongUsage("two models: -m bard and brad", "inspect", "brad", "-m", "bard");
    assertWrongUsage("needs a text: ", "lens", "logits", "-p", "");
    assertWrongUsage("needs a text: ", "eval", "perplexity");
    assertWrongUsage("temperature 2.5: must be 0 to 2", "run", "-p", "a", "--temp", "2.5");
    assertWrongUsage("--batch b: -p, -f or", "embed", "-p", "a", "--batch", "b");
    assertWrongUsage("--max-body 9999: ", "serve", "--port", "0", "--max-body", "9999");
    assertWrongUsage("--url here: must be like http", "bench", "serve", "--url", "here");
    assertWrongUsage("--prompt=TEXT, --file=FILE are", "run", "-p", "a", "-f", "b");
  }

  /** Only the launcher adds the module of the Vector API; plain Java gets an error. */
  @Test
  void reportsMissingVectorApi() throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(Cli.process("run", "-p", "a", "--executor", "VECTOR")).start();
    String err = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(2, process.waitFor(), err);
    assertTrue(err.contains("--add-modules=jdk.incubator.vector"), err);
    assertEquals(2, err.lines().count(), err);
  }

  @Test
  void lostOutputIsFailure() throws IOException, InterruptedException {
    Path full = Path.of("/dev/full");
    assumeTrue(Files.exists(full));
    Process process =
        new ProcessBuilder(Cli.process("lens", "hooks")).redirectOutput(full.toFile()).start();
    String err = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(1, process.waitFor(), err);
    assertTrue(err.startsWith("vidrio: standard output: "), err);
    assertEquals(1, err.lines().count(), err);
  }

  @Test
  void closedOutputIsSuccess() throws IOException, InterruptedException {
    Process process = new ProcessBuilder(Cli.process("run", "-p", "a", "--ignore-eos")).start();
    process.getInputStream().close();
    String err = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), err);
    assertEquals("", err);
  }

  /** Limits the process to less memory than the cache of 4 GB. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "serve --port 0 --parallel 1024 --kv-memory 9999",
        "bench -p 4 -n 4 -b 1024 -d 900"
      })
  @DisabledOnOs({OS.WINDOWS, OS.MAC}) // have no such limit
  @Tag("long")
  void reportsLackOfMemory(String arguments) throws IOException, InterruptedException {
    List<String> command = Cli.process(arguments.split(" "));
    command.addAll(
        1,
        List.of(
            "-Xmx256m", "-XX:CompressedClassSpaceSize=128m", "-Dslf4j.internal.verbosity=ERROR"));
    command.addAll(0, List.of("sh", "-c", "ulimit -v 3500000; exec \"$@\"", "sh"));
    Process process = new ProcessBuilder(command).start();
    String err = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
    assertFails("not enough memory: ", new Cli(process.waitFor(), "", err));
  }

  @Test
  void reportsUnwritableOutputs() {
    String target = directory + "/none/logits.safetensors";
    assertFails(
        target + ": no such file or directory", Cli.run("eval", "logits", "-p", "a", "-o", target));
    assertFails(
        "is not a regular file", Cli.run("eval", "logits", "-p", "a", "-o", directory.toString()));
  }

  @Test
  void debugShowsTheStackTrace() {
    Cli result = Cli.run("run", "--debug", "-m", directory + "/none.gguf");
    assertEquals(1, result.code());
    assertTrue(result.err().contains("\tat "), result.err());
  }
}
