package dev.vidrio.cli.chat;

import dev.vidrio.cli.io.CommandException;
import dev.vidrio.cli.io.Escapes;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.generation.GeneratedToken;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.generation.GenerationResult;
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

/** A conversation at the terminal. When the model calls tools, the user enters their results. */
public final class ChatLoop {
  private final Conversation chat;
  private final Deque<ToolCall> pendingCalls = new ArrayDeque<>();
  private final List<ChatMessage> next = new ArrayList<>();
  private volatile @Nullable Answer answer;
  private @Nullable ChatStatistics statistics;

  /**
   * Creates the loop of a new chat.
   *
   * @param system the system prompt, or null
   */
  public ChatLoop(Conversation chat, @Nullable String system) {
    this.chat = chat;
    chat.setMessages(instructions(system));
  }

  /** Runs until the end of input or {@code /bye}. */
  public void run(String model) {
    System.err.println(
        "Chat with " + model + ". /help lists commands, Ctrl-C stops an answer, Ctrl-D ends.");
    try (ChatInput input = ChatInput.open(this::stop)) {
      boolean open = true;
      while (open) {
        String message = input.read(prompt());
        open = message != null && handle(message);
      }
    }
  }

  private static List<ChatMessage> instructions(@Nullable String system) {
    return system == null || system.isBlank() ? List.of() : List.of(ChatMessage.system(system));
  }

  private String prompt() {
    return pendingCalls.isEmpty() ? "> " : Escapes.shown(pendingCalls.element().name()) + "> ";
  }

  /** Handles a line of input and returns whether the chat continues. */
  private boolean handle(String message) {
    try {
      if (message.startsWith("/")) {
        String[] words = message.strip().split("\\s+", 2);
        return command(words[0], words.length > 1 ? words[1] : "");
      }
      if (!message.isBlank()) {
        send(Quotes.removed(message).strip());
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
          "vidrio: "
              + word
              + ": no such command; /help lists commands; start with a space to send it");
      return true;
    }
    switch (command.get()) {
      case HELP -> System.err.println(ChatCommand.help());
      case SYSTEM -> system(Quotes.removed(arguments));
      case SET -> set(arguments);
      case AGAIN -> again();
      case STATS -> System.err.println(statistics == null ? "No answer yet." : statistics);
      case CLEAR -> {
        chat.setMessages(chat.messages().stream().filter(ChatLoop::isSystem).toList());
        pendingCalls.clear();
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
              .orElse("No system prompt.");
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
      throw new CommandException("/set " + arguments + ": needs a name and a value");
    }
    chat.setOptions(ChatSettings.changed(options, words[0], words[1]));
  }

  private void again() {
    List<ChatMessage> messages = new ArrayList<>(chat.messages());
    if (messages.isEmpty() || !messages.getLast().role().equals("assistant")) {
      throw new CommandException("/again: no answer yet");
    }
    messages.removeLast();
    chat.setMessages(messages);
    pendingCalls.clear();
    next.clear();
    long seed = RandomGenerator.getDefault().nextLong();
    GenerationOptions options = chat.options();
    chat.setOptions(options.withSampling(options.sampling().withSeed(seed)));
    answer(chat.send());
  }

  private void send(String message) {
    ToolCall call = pendingCalls.poll();
    next.add(
        call == null
            ? ChatMessage.user(message)
            : ChatMessage.tool(message, call.name(), call.id()));
    if (pendingCalls.isEmpty()) {
      try {
        answer(chat.send(next.toArray(ChatMessage[]::new)));
      } finally {
        next.clear();
      }
    }
  }

  private void answer(Answer started) {
    answer = started;
    var clock = new ChatStatistics.Clock();
    var printer = new AnswerPrinter(chat.newAnswer());
    for (Iterator<GeneratedToken> tokens = started.tokens(); tokens.hasNext(); ) {
      GeneratedToken token = tokens.next();
      clock.piece();
      printer.accept(token);
      if (System.out.checkError()) {
        started.cancel();
      }
    }
    GenerationResult result = started.result();
    printer.finish(result.finish());
    answer = null;
    statistics = clock.statistics(result, started.drafts());
    printEnd(result);
    pendingCalls.addAll(chat.messages().getLast().toolCalls());
    Tools.print(List.copyOf(pendingCalls));
  }

  /** Prints why an answer is incomplete, unless the user stopped it. */
  private static void printEnd(GenerationResult result) {
    switch (result.finish()) {
      case LENGTH ->
          System.err.printf(
              "(cut off after %d tokens; /set tokens N allows more)%n", result.tokens().size());
      case CONTEXT ->
          System.err.println("(the context is full; restart with a larger -c N, or /clear)");
      case STOP, CANCELED, TIMEOUT -> {}
    }
  }

  private void stop() {
    Answer running = answer;
    if (running != null) {
      running.cancel();
    }
  }
}
