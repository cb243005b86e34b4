package dev.vidrio.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.formats.testfiles.BardFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

class VerifyCommandTest {
  private static final String KIT = "../../docs/receipts/kit/";

  @TempDir Path directory;

  private Path run(String... more) {
    Path file = directory.resolve("receipt.json");
    String[] all = {"run", "bard", "To be", "--receipt", file.toString()};
    String[] args = new String[all.length + more.length];
    System.arraycopy(all, 0, args, 0, all.length);
    System.arraycopy(more, 0, args, all.length, more.length);
    Cli result = Cli.run(args);
    assertEquals(0, result.code(), result.err());
    return file;
  }

  @Test
  void verifiesReceiptsOfRuns() {
    Cli verified = Cli.run("verify", run("--kv", "f16", "-n", "12").toString(), "-m", "bard");
    assertEquals(0, verified.code(), verified.err());
    assertTrue(
        verified
            .out()
            .matches(
                "verified: 12 tokens of bard after \\d of the prompt, finish length, on native .*;"
                    + " chain [0-9a-f]{16}\\R"),
        verified.out());
    Cli scalar = Cli.run("verify", run("--json", "-n", "2").toString(), "--executor", "scalar");
    assertEquals(0, scalar.code(), scalar.err());
    assertTrue(scalar.out().contains("on scalar"), scalar.out());
  }

  @Test
  void verifiesTheKit() {
    Cli kit = Cli.run("verify", KIT + "greedy.json", KIT + "regex.json", "--json");
    assertEquals(0, kit.code(), kit.err());
    assertEquals("bard", kit.json().path("model").stringValue());
    assertEquals(2, kit.json().path("receipts").size());
    for (JsonNode each : kit.json().path("receipts")) {
      assertTrue(each.path("verified").booleanValue(), each.toString());
    }
  }

  @Test
  void explainsTheFirstDifference() throws IOException {
    Path file = run("-n", "5");
    Path changed = directory.resolve("changed.json");
    Files.writeString(changed, Files.readString(file).replace("\"top_k\":40", "\"top_k\":41"));
    Cli both = Cli.run("verify", file.toString(), changed.toString());
    assertEquals(1, both.code());
    assertEquals("", both.err());
    assertTrue(both.out().startsWith(file + ": verified: "), both.out());
    assertTrue(both.out().contains(changed + ": differs: chain: does not match"), both.out());
    JsonNode json = Cli.run("verify", changed.toString(), "--json").json();
    assertFalse(json.at("/receipts/0/verified").booleanValue());
    assertEquals("chain", json.at("/receipts/0/difference/field").stringValue());
    assertTrue(json.at("/receipts/0/difference/position").isNull());
  }

  @Test
  void namesBothModels() throws IOException {
    byte[] bytes = Files.readAllBytes(BardFiles.q8());
    bytes[bytes.length - 1] ^= 1;
    Path flipped = Files.write(directory.resolve("flipped.gguf"), bytes);
    Cli other = Cli.run("verify", KIT + "greedy.json", "-m", flipped.toString());
    assertEquals(1, other.code());
    assertTrue(
        other
            .out()
            .matches(
                "differs: model: the receipt is of bard with SHA-256 [0-9a-f]{64};"
                    + " .*flipped.gguf has [0-9a-f]{64}\\R"),
        other.out());
  }

  @Test
  void rejectsWrongUsage() throws IOException {
    assertEquals(2, Cli.run("verify").code());
    Path text = Files.writeString(directory.resolve("text.json"), "{\"receipt\": 3}");
    Cli malformed = Cli.run("verify", text.toString());
    assertEquals(1, malformed.code());
    assertEquals("vidrio: " + text + ": receipt 3: must be 1\n", malformed.err());
    Cli missing = Cli.run("verify", directory.resolve("none.json").toString());
    assertEquals(1, missing.code());
    assertTrue(missing.err().endsWith("none.json: no such file\n"), missing.err());
    Path file = directory.resolve("unwritten.json");
    Cli result = Cli.run("run", "bard", "To be", "--receipt", file.toString(), "--beams=2");
    assertEquals(2, result.code());
    assertTrue(
        result.err().startsWith("vidrio: --receipt: not supported with --beams"), result.err());
    assertFalse(Files.exists(file));
    Cli nowhere = Cli.run("run", "bard", "To be", "--receipt", "/nowhere/receipt.json");
    assertEquals(1, nowhere.code());
    assertEquals("vidrio: /nowhere/receipt.json: no such directory: /nowhere\n", nowhere.err());
  }
}
