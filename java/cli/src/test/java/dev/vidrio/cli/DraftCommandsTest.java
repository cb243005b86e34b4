package dev.vidrio.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** Speculative decoding of {@code vidrio run}. */
class DraftCommandsTest {
  private static final String PROMPT = "To be, or not to be";

  @TempDir Path directory;

  @Test
  void draftsDoNotChangeAnswers() throws IOException {
    JsonNode expected = drafting().json();
    assertNull(expected.get("draft_tokens"));
    for (String[] option :
        new String[][] {{"--draft-tokens", "8"}, {"--draft", BardFiles.f32().toString()}}) {
      JsonNode drafted = drafting(option).json();
      for (String field : List.of("ids", "text", "logprobs", "finish")) {
        assertEquals(expected.get(field), drafted.get(field), field);
      }
      int accepted = drafted.get("accepted_draft_tokens").intValue();
      assertTrue(accepted <= drafted.get("draft_tokens").intValue());
    }
    assertEquals(0, drafting("--draft-tokens", "0").code());
  }

  @Test
  void draftsWithModelBlockOrHead() throws IOException {
    Path withBlock = directory.resolve("block.gguf");
    Files.write(withBlock, TinyModels.withDraftBlock("qwen35").toBytes());
    Path tiny = TinyModels.writeLong(directory.resolve("tiny.gguf"), "llama");
    for (String[] pair :
        new String[][] {
          {withBlock.toString(), "mtp"},
          {tiny.toString(), TinyModels.draftHead("llama").toString()},
          {tiny.toString(), tiny.toString()}
        }) {
      JsonNode expected = tokens(pair[0]).json();
      JsonNode drafted = tokens(pair[0], "--draft", pair[1]).json();
      assertEquals(expected.get("ids"), drafted.get("ids"));
      assertTrue(drafted.get("draft_tokens").intValue() > 0, pair[1]);
    }
    // The model is its own draft model.
    JsonNode same = tokens(tiny.toString(), "--draft", tiny.toString()).json();
    assertEquals(same.get("draft_tokens"), same.get("accepted_draft_tokens"));
  }

  private Cli tokens(String model, String... more) throws IOException {
    Path ids = Files.writeString(directory.resolve("ids.json"), "[1, 2, 3]");
    List<String> arguments =
        new ArrayList<>(
            List.of("run", "-m", model, "--ids", ids.toString(), "-n", "40", "--ignore-eos"));
    arguments.addAll(List.of("--temp", "0", "--json"));
    arguments.addAll(List.of(more));
    return Cli.run(arguments.toArray(String[]::new));
  }

  @Test
  void draftsDoNotChangeReceipts() throws IOException {
    Path expected = directory.resolve("expected.json");
    Path drafted = directory.resolve("drafted.json");
    assertEquals(0, drafting("--receipt", expected.toString()).code());
    assertEquals(0, drafting("--receipt", drafted.toString(), "--draft-tokens", "8").code());
    assertEquals(Files.readString(expected), Files.readString(drafted));
  }

  @Test
  void rejectsInvalidDrafts() throws IOException {
    Cli many = drafting("--draft-tokens", "65");
    assertEquals(2, many.code());
    assertTrue(many.err().contains("--draft-tokens 65: must be 0 to 64"), many.err());
    Cli beams = Cli.run("run", "-p", PROMPT, "--beams", "2", "--draft-tokens", "4");
    assertEquals(2, beams.code());
    assertTrue(beams.err().contains("not supported with --beams"), beams.err());
    Cli none = drafting("--draft", "mtp");
    assertEquals(1, none.code());
    assertTrue(none.err().contains("a draft block"), none.err());
    Cli other = drafting("--draft", TinyModels.writeLong(directory.resolve("t"), "llama") + "");
    assertEquals(1, other.code());
    assertTrue(other.err().contains("must have the same tokens as bard"), other.err());
  }

  private static Cli drafting(String... more) {
    List<String> arguments =
        new ArrayList<>(
            List.of("run", "-p", PROMPT, "-n", "40", "--temp", "0.5", "--seed", "3", "--json"));
    arguments.addAll(List.of(more));
    return Cli.run(arguments.toArray(String[]::new));
  }
}
