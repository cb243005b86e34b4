package dev.vidrio.cli.chat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.cli.Cli;
import dev.vidrio.formats.testfiles.TinyModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A conversation, with standard input for the terminal. */
class ChatLoopTest {
  private static final String TERMINALS = "vidrio.terminals";

  @TempDir Path directory;
  private Path model = Path.of("unwritten");

  @BeforeEach
  void write() throws IOException {
    model = TinyModel.writeChat(directory.resolve("tiny.gguf"));
    System.setProperty(TERMINALS, "0");
  }

  @AfterEach
  void clear() {
    System.clearProperty(TERMINALS);
  }

  private Cli chat(String input, String... more) {
    List<String> arguments =
        new ArrayList<>(List.of("run", "-m", model.toString(), "-n", "4", "--ignore-eos"));
    arguments.addAll(List.of(more));
    if (!arguments.contains("--temp")) {
      arguments.addAll(List.of("--temp", "0"));
    }
    Cli result = Cli.runWithInput(input, arguments.toArray(String[]::new));
    assertEquals(0, result.code(), result.err());
    return result;
  }

  /** Counts the prompts. */
  private static int prompts(Cli result) {
    return result.err().split("> ", -1).length - 1;
  }

  @Test
  void answersEveryLineUntilTheEnd() {
    for (String end : new String[] {"/bye\nnever", "/exit\nnever", ""}) {
      // A prompt per line, including blank ones, and one at the end.
      assertEquals(4, prompts(chat("a\n\nthe tin\n" + end)));
    }
  }

  @Test
  void clearsConversation() {
    String once = chat("a\n").out();
    assertEquals(once + once, chat("a\n/clear\na\n").out());
  }

  @Test
  void acceptsMessagesOfSeveralLines() {
    Cli quoted = chat("\"\"\"the\ntin\"\"\"\n");
    assertTrue(quoted.err().contains(EditedInput.CONTINUED), quoted.err());
    assertEquals(2, prompts(quoted));
    assertEquals(quoted.out(), chat("\"\"\"\nthe\ntin\n\"\"\"\n").out());
  }

  @Test
  void continuesAfterTooLongMessage() {
    Cli result = chat("x".repeat(3000) + "\na\n");
    assertTrue(result.err().contains("conversation"), result.err());
    assertEquals(chat("a\n").out(), result.out());
  }

  @Test
  void helpNamesEveryCommand() {
    String help = chat("/?\n").err();
    for (String command : ChatCommand.completions(List.of())) {
      assertTrue(help.contains("\n" + command) || help.contains("> " + command), command);
    }
  }

  @Test
  void rejectsUnknownCommands() {
    Cli unknown = chat("/cleer\n");
    assertTrue(unknown.err().contains("vidrio: /cleer: no such command"), unknown.err());
    assertEquals("", unknown.out());
    assertFalse(chat(" /cleer\n").out().isEmpty());
  }

  @Test
  void settingsMatchCommandLine() {
    String expected = chat("a\n", "--temp", "1", "--seed", "3").out();
    assertEquals(expected, chat("/set temperature 1\n/set seed 3\na\n").out());
    Cli shown = chat("/set top-k 5\n/set\n");
    assertTrue(shown.err().contains("top-k                5"), shown.err());
  }

  @Test
  void rejectsInvalidSettings() {
    Cli result = chat("/set heat 1\n/set top-p 2\n/set tokens many\n/set seed\na\n");
    for (String error :
        new String[] {
          "/set heat: no such", "top-p 2: must be", "tokens many: not a valid number", "/set seed:"
        }) {
      assertTrue(result.err().contains("vidrio: " + error), result.err());
    }
    assertEquals(chat("a\n").out(), result.out());
  }

  @Test
  void systemPromptMatchesCommandLine() {
    String expected = chat("a\n", "--system", "the tin").out();
    assertEquals(expected, chat("/system the tin\na\n").out());
    assertEquals(
        expected, chat("a\n/clear\na\n", "--system", "the tin").out().substring(expected.length()));
    assertTrue(chat("/system the tin\n/system\n").err().contains("> the tin\n"));
  }

  @Test
  void regeneratesLastAnswer() {
    // Greedy, so that the seed has no effect.
    String once = chat("a\n").out();
    assertEquals(once + once, chat("a\n/again\n").out());
    assertTrue(chat("/again\n").err().contains("/again: no answer yet"));
  }

  @Test
  void parsesAnswersInChannels() {
    String answer =
        "<\\|channel\\|>analysis<\\|message\\|>hm<\\|end\\|>"
            + "<\\|start\\|>assistant<\\|channel\\|>final<\\|message\\|>tin";
    Cli result = chat("/set tokens 200\na\n", "--regex", answer);
    assertEquals("tin" + System.lineSeparator(), result.out());
    assertTrue(result.err().contains("> hm" + System.lineSeparator()), result.err());
  }

  @Test
  void draftsDoNotChangeConversations() {
    String[] inputs = {
      "a\nthe tin\nb\n",
      "a\n/again\nb\n/clear\na\n",
      "x".repeat(3000) + "\na\n/set temperature 1\n/set seed 3\nb\n"
    };
    for (String input : inputs) {
      Cli expected = chat(input, "--system", "the tin");
      assertEquals(expected.out(), chat(input, "--system", "the tin", "--draft-tokens", "8").out());
    }
    Cli counted = chat("a\n/stats\n", "--draft", model.toString());
    assertTrue(counted.err().contains("draft tokens accepted"), counted.err());
    assertFalse(chat("a\n/stats\n").err().contains("draft tokens"));
  }

  @Test
  void reportsTruncatedAnswers() {
    assertTrue(chat("a\n").err().contains("cut off after 4 tokens"));
    assertTrue(chat("/set tokens 3\na\n").err().contains("cut off after 3 tokens"));
  }

  @Test
  void statisticsCountAnswerTokens() {
    assertTrue(chat("a\n/stats\n").err().contains("; 4 answer tokens"));
  }
}
