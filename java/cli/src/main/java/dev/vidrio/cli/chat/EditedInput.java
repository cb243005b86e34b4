package dev.vidrio.cli.chat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jline.keymap.KeyMap;
import org.jline.reader.Binding;
import org.jline.reader.Candidate;
import org.jline.reader.EOFError;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.ParsedLine;
import org.jline.reader.Reference;
import org.jline.reader.UserInterruptException;
import org.jline.reader.impl.DefaultParser;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;
import org.jspecify.annotations.Nullable;

/** Lines with editing and a history that later chats share, by JLine. */
final class EditedInput implements ChatInput {
  /** The prompt of continuation lines. */
  static final String CONTINUED = "… ";

  /** Escape sequences of terminals with a terminfo entry that lists others. */
  private static final Map<String, String> KEYS =
      Map.of(
          "\033[A", LineReader.UP_LINE_OR_HISTORY,
          "\033[B", LineReader.DOWN_LINE_OR_HISTORY,
          "\033[C", LineReader.FORWARD_CHAR,
          "\033[D", LineReader.BACKWARD_CHAR,
          "\033[1;5C", LineReader.FORWARD_WORD,
          "\033[1;5D", LineReader.BACKWARD_WORD,
          "\033[H", LineReader.BEGINNING_OF_LINE,
          "\033[F", LineReader.END_OF_LINE);

  private static final int HISTORY = 1000;
  private static final String OWNER_ONLY = "rw-------";

  private final Terminal terminal;
  private final LineReader reader;

  private EditedInput(Terminal terminal, Path history) {
    this.terminal = terminal;
    this.reader =
        LineReaderBuilder.builder()
            .terminal(terminal)
            .parser(new MessageParser())
            .completer((_, line, found) -> complete(line, found))
            .option(LineReader.Option.DISABLE_EVENT_EXPANSION, true)
            .option(LineReader.Option.HISTORY_IGNORE_SPACE, true)
            .option(LineReader.Option.HISTORY_TIMESTAMPED, false)
            .variable(LineReader.SECONDARY_PROMPT_PATTERN, CONTINUED)
            .variable(LineReader.BELL_STYLE, "none")
            .variable(LineReader.HISTORY_SIZE, HISTORY)
            .variable(LineReader.HISTORY_FILE_SIZE, HISTORY)
            .build();
    KeyMap<Binding> keys = Objects.requireNonNull(reader.getKeyMaps().get(LineReader.MAIN));
    KEYS.forEach((key, does) -> keys.bind(new Reference(does), key));
    if (prepare(history)) {
      reader.setVariable(LineReader.HISTORY_FILE, history);
    }
  }

  /** Opens the terminal; null if it does not support line editing. */
  static @Nullable EditedInput open(Runnable interrupted) {
    try {
      Terminal terminal =
          TerminalBuilder.builder()
              .system(true)
              .providers("ffm,exec")
              .graphemeCluster(false) // its query would be visible on some terminals
              .dumb(false)
              .build();
      terminal.handle(Terminal.Signal.INT, _ -> interrupted.run());
      return new EditedInput(terminal, historyFile());
    } catch (IOException | IllegalStateException e) {
      return null;
    }
  }

  @Override
  public @Nullable String read(String prompt) {
    try {
      return reader.readLine(prompt.replace("%", "%%"));
    } catch (UserInterruptException e) {
      if (e.getPartialLine().isEmpty()) {
        System.err.println("Ctrl-D or /bye ends the chat.");
      }
      return "";
    } catch (EndOfFileException e) {
      return null;
    }
  }

  @Override
  public void close() {
    try {
      terminal.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Path historyFile() {
    String home = System.getenv("VIDRIO_HOME");
    String state = System.getenv("XDG_STATE_HOME");
    Path directory =
        home != null && !home.isEmpty()
            ? Path.of(home)
            : state != null && !state.isEmpty()
                ? Path.of(state, "vidrio")
                : Path.of(System.getProperty("user.home", ""), ".local", "state", "vidrio");
    return directory.resolve("history");
  }

  /** Creates the file, readable by its owner only, and returns whether it can be written. */
  private static boolean prepare(Path file) {
    try {
      Files.createDirectories(file.getParent());
      if (!Files.exists(file)) {
        Files.createFile(file);
        if (file.getFileSystem().supportedFileAttributeViews().contains("posix")) {
          Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(OWNER_ONLY));
        }
      }
      return Files.isWritable(file);
    } catch (IOException e) {
      return false;
    }
  }

  private static void complete(ParsedLine line, List<Candidate> found) {
    ChatCommand.completions(line.words().subList(0, line.wordIndex())).stream()
        .map(Candidate::new)
        .forEach(found::add);
  }

  /** Parses words without quotes and escapes, and messages of several lines. */
  private static final class MessageParser extends DefaultParser {
    MessageParser() {
      setQuoteChars(new char[0]);
      setEscapeChars(new char[0]);
    }

    @Override
    public ParsedLine parse(String line, int cursor, ParseContext context) {
      if (context == ParseContext.ACCEPT_LINE && Quotes.areOpen(line)) {
        throw new EOFError(-1, -1, "three quotes end the message");
      }
      return super.parse(line, cursor, context);
    }
  }
}
