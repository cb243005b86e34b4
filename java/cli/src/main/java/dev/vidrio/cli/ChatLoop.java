package dev.vidrio.cli;

import dev.vidrio.cli.io.InputOutput;
import dev.vidrio.model.Chat;
import dev.vidrio.model.InvalidInputException;
import dev.vidrio.model.TokenStream;
import dev.vidrio.model.template.ChatMessage;
import dev.vidrio.model.template.ToolCall;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A conversation at the terminal. Where the model asks for tools, the user is asked for their
 * results.
 */
final class ChatLoop {
  private static final String HELP =
      "/bye or Ctrl-D ends the chat, Ctrl-C stops an answer, /clear forgets what was said.";

  private final Chat chat;
  private final @Nullable String system;
  private final Deque<ToolCall> wanted = new ArrayDeque<>();
  private final List<ChatMessage> next = new ArrayList<>();
  private volatile @Nullable TokenStream answer;

  ChatLoop(Chat chat, @Nullable String system) {
    this.chat = chat;
    this.system = system;
  }

  /** Talks until the input ends or says {@code /bye}. */
  void run(String model) {
    System.err.println("Chat with " + model + ". " + HELP);
    Interrupt interrupt = Interrupt.handle(this::interrupted);
    try {
      for (String line = ask(); line != null && !isEnd(line); line = ask()) {
        take(line);
      }
    } finally {
      interrupt.close();
    }
  }

  private static boolean isEnd(String line) {
    return line.equals("/bye") || line.equals("/exit");
  }

  private @Nullable String ask() {
    System.out.print(wanted.isEmpty() ? "> " : wanted.element().name() + "> ");
    System.out.flush();
    return InputOutput.readLine();
  }

  private void take(String line) {
    switch (line.strip()) {
      case "" -> {}
      case "/?", "/help" -> System.err.println(HELP);
      case "/clear" -> {
        chat.truncate(0);
        wanted.clear();
        next.clear();
      }
      default -> say(line);
    }
  }

  private void say(String line) {
    if (chat.messages().isEmpty() && next.isEmpty() && system != null) {
      next.add(ChatMessage.system(system));
    }
    ToolCall call = wanted.poll();
    next.add(
        call == null ? ChatMessage.user(line) : ChatMessage.tool(line, call.name(), call.id()));
    if (wanted.isEmpty()) {
      try {
        answer(chat.send(next.toArray(ChatMessage[]::new)));
      } catch (InvalidInputException e) {
        System.err.println("vidrio: " + e.getMessage());
      }
      next.clear();
    }
  }

  private void answer(TokenStream stream) {
    answer = stream;
    for (String piece : stream) {
      System.out.print(piece);
      if (System.out.checkError()) {
        stream.cancel();
      }
    }
    answer = null;
    System.out.println();
    wanted.addAll(chat.messages().getLast().toolCalls());
    Tools.print(List.copyOf(wanted));
  }

  private void interrupted() {
    TokenStream running = answer;
    if (running == null) {
      System.err.println();
      System.err.println(HELP);
      System.out.print("> ");
      System.out.flush();
    } else {
      running.cancel();
    }
  }
}
