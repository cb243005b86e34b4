package dev.vidrio.cli.chat;

import dev.vidrio.cli.io.CommandException;
import dev.vidrio.cli.io.Escapes;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.chat.Chat;
import dev.vidrio.model.generation.GeneratedToken;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.generation.GenerationResult;
import dev.vidrio.model.generation.TextStream;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ToolCall;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * A conversation at the terminal. Where the model asks for tools, the user is asked for their
 * results.
 */
public final class ChatLoop {
  private final Chat chat;
  private final Deque<ToolCall> wanted = new ArrayDeque<>();
  private final List<ChatMessage> next = new ArrayList<>();
  private volatile @Nullable TextStream answer;
  private @Nullable ChatStatistics statistics;

  /**
   * A loop around a chat, in which nothing was said yet.
   *
   * @param system instructions for the whole conversation, or null
   */
  public ChatLoop(Chat chat, @Nullable String system) {
    this.chat = chat;
    chat.setMessages(instructions(system));
  }

  /** Talks until the input ends or says {@code /bye}. */
  public void run(String model) {
    System.err.println(
        "Chat with " + model + ". /help lists commands, Ctrl-C stops an answer, Ctrl-D ends.");
    try (ChatInput input = ChatInput.open(this::stop)) {
      boolean goesOn = true;
      while (goesOn) {
        String message = input.read(prompt());
        goesOn = message != null && take(message);
      }
    }
  }

  private static List<ChatMessage> instructions(@Nullable String system) {
    return system == null || system.isBlank() ? List.of() : List.of(ChatMessage.system(system));
  }

  private String prompt() {
    return wanted.isEmpty() ? "> " : Escapes.shown(wanted.element().name()) + "> ";
  }

  /** Does what a message asks for; whether the chat goes on. */
  private boolean take(String message) {
    try {
      if (message.startsWith("/")) {
        String[] words = message.strip().split("\\s+", 2);
        return command(words[0], words.length > 1 ? words[1] : "");
      }
      if (!message.isBlank()) {
        say(Quotes.removed(message).strip());
      }
    } catch (InvalidInputException | CommandException e) {
      System.err.println("vidrio: " + e.getMessage());
    }
    return true;
  }

  private boolean command(String word, String arguments) {
    Optional<ChatCommand> command = ChatCommand.of(word);
    if (command.isEmpty()) {
      System.err.println(
          "vidrio: " + word + ": no such command; /help lists them, a space before it sends it");
      return true;
    }
    switch (command.get()) {
      case HELP -> System.err.println(ChatCommand.help());
      case SYSTEM -> system(Quotes.removed(arguments));
      case SET -> set(arguments);
      case AGAIN -> again();
      case STATS ->
          System.err.println(statistics == null ? "Nothing was answered yet." : statistics);
      case CLEAR -> {
        chat.setMessages(chat.messages().stream().filter(ChatLoop::isSystem).toList());
        wanted.clear();
        next.clear();
      }
      case BYE -> {
        return false;
      }
    }
    return true;
  }

  private static boolean isSystem(ChatMessage message) {
    return message.role().equals("system");
  }

  private void system(String text) {
    List<ChatMessage> messages = new ArrayList<>(chat.messages());
    if (text.isEmpty()) {
      String now =
          messages.stream()
              .filter(ChatLoop::isSystem)
              .map(ChatMessage::content)
              .findFirst()
              .orElse("No instructions were given.");
      System.err.println(now);
      return;
    }
    messages.removeIf(ChatLoop::isSystem);
    messages.addAll(0, instructions(text));
    chat.setMessages(messages);
  }

  private void set(String arguments) {
    GenerationOptions options = chat.options();
    if (arguments.isBlank()) {
      System.err.println(ChatSettings.shown(options));
      return;
    }
    String[] words = arguments.strip().split("\\s+", -1);
    if (words.length != 2) {
      throw new CommandException("/set " + arguments + ": takes a name and a value");
    }
    chat.setOptions(ChatSettings.changed(options, words[0], words[1]));
  }

  private void again() {
    List<ChatMessage> messages = new ArrayList<>(chat.messages());
    if (messages.isEmpty() || !messages.getLast().role().equals("assistant")) {
      throw new CommandException("/again: nothing was answered yet");
    }
    messages.removeLast();
    chat.setMessages(messages);
    wanted.clear();
    next.clear();
    long seed = RandomGenerator.getDefault().nextLong();
    GenerationOptions options = chat.options();
    chat.setOptions(options.withSampling(options.sampling().withSeed(seed)));
    answer(chat.send());
  }

  private void say(String message) {
    ToolCall call = wanted.poll();
    next.add(
        call == null
            ? ChatMessage.user(message)
            : ChatMessage.tool(message, call.name(), call.id()));
    if (wanted.isEmpty()) {
      try {
        answer(chat.send(next.toArray(ChatMessage[]::new)));
      } finally {
        next.clear();
      }
    }
  }

  private void answer(TextStream stream) {
    answer = stream;
    var clock = new ChatStatistics.Clock();
    var printer = new AnswerPrinter(chat.newAnswer());
    for (Iterator<GeneratedToken> tokens = stream.tokens(); tokens.hasNext(); ) {
      GeneratedToken token = tokens.next();
      clock.piece();
      printer.accept(token);
      if (System.out.checkError()) {
        stream.cancel();
      }
    }
    GenerationResult result = stream.result();
    printer.finish(result.finish());
    answer = null;
    statistics = clock.statistics(result);
    tellEnd(result);
    wanted.addAll(chat.messages().getLast().toolCalls());
    Tools.print(List.copyOf(wanted));
  }

  /** Says why an answer is not whole, where it is not obvious. */
  private static void tellEnd(GenerationResult result) {
    switch (result.finish()) {
      case LENGTH ->
          System.err.printf(
              "(cut off after %d tokens; /set tokens N allows more)%n", result.tokens().size());
      case CONTEXT -> System.err.println("(the context is full; -c N makes room, /clear forgets)");
      case STOP, CANCELED, TIMEOUT -> {}
    }
  }

  private void stop() {
    TextStream running = answer;
    if (running != null) {
      running.cancel();
    }
  }
}
