package dev.vidrio.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.model.testfiles.TinyModel;
import java.io.IOException;
import java.nio.file.Path;
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

  private Cli chat(String input) {
    return Cli.runWithInput(
        input, "run", "-m", model.toString(), "-n", "4", "--temp", "0", "--ignore-eos");
  }

  @Test
  void everyLineIsAnsweredUntilTheUserLeaves() {
    for (String end : new String[] {"/bye\nnever", "/exit\nnever", ""}) {
      Cli result = chat("a\n\nthe tin\n" + end);
      assertEquals(0, result.code(), result.err());
      // A prompt for each line, blank ones included, and one for the end.
      assertEquals(4, result.out().split("> ", -1).length - 1, result.out());
    }
  }

  @Test
  void whatWasSaidIsForgottenOnRequest() {
    String twice = chat("a\n/clear\na\n").out();
    int half = twice.indexOf("> ", 2);
    String first = twice.substring(0, half);
    assertTrue(twice.substring(half).startsWith("> " + first), twice);
  }

  @Test
  void aLineThatDoesNotFitIsRefusedAndTheChatGoesOn() {
    Cli result = chat("x".repeat(3000) + "\na\n");
    assertEquals(0, result.code());
    assertTrue(result.err().contains("conversation"), result.err());
    assertTrue(result.out().length() > "> > > ".length(), result.out());
  }

  @Test
  void helpNamesTheCommands() {
    assertTrue(chat("/?\n").err().split("/clear", -1).length > 2);
  }
}
