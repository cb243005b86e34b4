package dev.vidrio.cli.chat;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** What a line that begins with a slash asks for. */
enum ChatCommand {
  HELP("/help", "", "shows this"),
  SYSTEM("/system", "[TEXT]", "shows or replaces the instructions; what was said stays"),
  SET("/set", "[NAME VALUE]", "shows or changes how answers are generated"),
  AGAIN("/again", "", "answers the last message once more, by another seed"),
  STATS("/stats", "", "tokens and speed of the last answer"),
  CLEAR("/clear", "", "forgets what was said"),
  BYE("/bye", "", "ends the chat, as Ctrl-D does");

  private static final String KEYS =
      """
      Ctrl-C stops an answer. Up and Down go through what was typed, Ctrl-R searches
      it. Pasted lines are one message, as are those between \""" and \"""; Alt-Enter
      begins another line. A space before a / sends it to the model.""";

  private final String word;
  private final String arguments;
  private final String about;

  ChatCommand(String word, String arguments, String about) {
    this.word = word;
    this.arguments = arguments;
    this.about = about;
  }

  /** The command of a word; those of other tools are understood too. */
  static Optional<ChatCommand> of(String word) {
    return switch (word) {
      case "/?" -> Optional.of(HELP);
      case "/exit", "/quit" -> Optional.of(BYE);
      default -> Arrays.stream(values()).filter(command -> command.word.equals(word)).findFirst();
    };
  }

  /** All commands and keys, for the user. */
  static String help() {
    String commands =
        Arrays.stream(values())
            .map(c -> "%-20s %s%n".formatted((c.word + " " + c.arguments).strip(), c.about))
            .collect(Collectors.joining());
    return commands + KEYS;
  }

  /** What may come after the words before the cursor. */
  static List<String> completions(List<String> before) {
    if (before.isEmpty()) {
      return Arrays.stream(values()).map(command -> command.word).toList();
    }
    return before.equals(List.of(SET.word)) ? ChatSettings.names() : List.of();
  }
}
