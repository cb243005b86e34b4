package dev.vidrio.cli.chat;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** The commands of a chat: lines that begin with a slash. */
enum ChatCommand {
  HELP("/help", "", "shows this help"),
  SYSTEM("/system", "[TEXT]", "shows or replaces the system prompt; the conversation stays"),
  SET("/set", "[NAME VALUE]", "shows or changes the generation settings"),
  AGAIN("/again", "", "regenerates the last answer with another seed"),
  STATS("/stats", "", "shows tokens and speed of the last answer"),
  CLEAR("/clear", "", "clears the conversation"),
  BYE("/bye", "", "ends the chat, as Ctrl-D does");

  private static final String KEYS =
      """
      Ctrl-C stops an answer. Up and Down browse the history, Ctrl-R searches it.
      Pasted lines are one message, as are lines between \""" and \"""; Alt-Enter
      starts a new line. A space before a / sends it to the model.\
      """;

  private final String word;
  private final String arguments;
  private final String about;

  ChatCommand(String word, String arguments, String about) {
    this.word = word;
    this.arguments = arguments;
    this.about = about;
  }

  /** Returns the command of a word, or of its alias in other tools. */
  static Optional<ChatCommand> of(String word) {
    return switch (word) {
      case "/?" -> Optional.of(HELP);
      case "/exit", "/quit" -> Optional.of(BYE);
      default -> Arrays.stream(values()).filter(command -> command.word.equals(word)).findFirst();
    };
  }

  /** Returns the help: all commands and keys. */
  static String help() {
    String commands =
        Arrays.stream(values())
            .map(c -> "%-20s %s%n".formatted((c.word + " " + c.arguments).strip(), c.about))
            .collect(Collectors.joining());
    return commands + KEYS;
  }

  /** Returns the completions after the words before the cursor. */
  static List<String> completions(List<String> before) {
    if (before.isEmpty()) {
      return Arrays.stream(values()).map(command -> command.word).toList();
    }
    return before.equals(List.of(SET.word)) ? ChatSettings.names() : List.of();
  }
}
