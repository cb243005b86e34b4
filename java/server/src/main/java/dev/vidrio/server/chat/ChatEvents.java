package dev.vidrio.server.chat;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.model.chat.ChatAnswer;
import dev.vidrio.model.generation.GeneratedToken;
import dev.vidrio.model.generation.TokenLogProbability;
import dev.vidrio.server.generation.ChunkEvents;
import dev.vidrio.server.generation.FinishReasons;
import dev.vidrio.server.generation.Ids;
import dev.vidrio.server.generation.LogProbabilityJson;
import dev.vidrio.server.generation.Receipts;
import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.Json;
import dev.vidrio.server.model.ServedModel;
import dev.vidrio.template.call.ReadCall;
import dev.vidrio.tokenizer.Tokenizer;
import java.io.IOException;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Streams the answers to a chat as chunks. */
final class ChatEvents extends ChunkEvents {
  private static final String CONTENT = "\"content\":";
  private static final String REASONING = "\"reasoning_content\":";

  private final ChatRequest request;
  private final Tokenizer tokenizer;
  private final Supplier<ChatAnswer> answers;

  ChatEvents(
      Exchange exchange, ChatRequest request, ServedModel served, Supplier<ChatAnswer> answers) {
    super(
        exchange,
        Ids.next("chatcmpl-"),
        "chat.completion.chunk",
        request.model(),
        served.fingerprint(),
        request.usage());
    this.request = request;
    this.tokenizer = served.tokenizer();
    this.answers = answers;
  }

  @Override
  protected Choice choice(int index) {
    return new ChatChoice(index);
  }

  private final class ChatChoice implements Choice {
    private final ChatAnswer answer = answers.get();
    private final IdentityHashMap<ReadCall, Sent> sent = new IdentityHashMap<>();
    private final String open;

    ChatChoice(int index) {
      this.open = "{\"index\":" + index + ",\"delta\":{";
    }

    private void send(String delta, String logProbabilities, String finish) throws IOException {
      send(delta, logProbabilities, finish, "");
    }

    private void send(String delta, String logProbabilities, String finish, String more)
        throws IOException {
      ChatEvents.this.send(
          open
              + delta
              + "},\"logprobs\":"
              + logProbabilities
              + ",\"finish_reason\":"
              + finish
              + more
              + "}");
    }

    private void send(String delta) throws IOException {
      send(delta, "null", "null");
    }

    @Override
    public void begin() throws IOException {
      send("\"role\":\"assistant\",\"content\":\"\"");
    }

    @Override
    public void accept(GeneratedToken token) throws IOException {
      boolean reasoned = answer.isReasoning();
      String text = answer.accept(token);
      String reasoning = answer.reasoning();
      var logProbability = token.logProbability();
      boolean shown = !text.isEmpty();
      // Markers of reasoning have log-probabilities but no text.
      boolean isMarker = logProbability != null && !shown && (reasoned || answer.isReasoning());
      if (isMarker || !reasoning.isEmpty()) {
        sendText(REASONING, reasoning, shown ? null : logProbability);
      }
      if (shown || (logProbability != null && !isMarker && reasoning.isEmpty())) {
        sendText(CONTENT, text, logProbability);
      }
      sendCalls();
    }

    private void sendText(String field, String text, @Nullable TokenLogProbability logProbability)
        throws IOException {
      String json =
          logProbability == null
              ? "null"
              : Json.text(LogProbabilityJson.ofChat(tokenizer, List.of(logProbability)));
      send(field + Json.quoted(text), json, "null");
    }

    @Override
    public void end(Completion completion) throws IOException {
      String rest = answer.finish(completion.result().finish());
      String reasoning = answer.reasoning();
      if (!reasoning.isEmpty()) {
        sendText(REASONING, reasoning, null);
      }
      if (!rest.isEmpty()) {
        sendText(CONTENT, rest, null);
      }
      sendCalls();
      boolean called = !answer.message().toolCalls().isEmpty();
      String finish = Json.quoted(FinishReasons.finish(completion, called));
      send("", "null", finish, Receipts.field(completion));
    }

    @Override
    public int reasoningTokens() {
      return answer.reasoningTokens();
    }

    /** Sends the names of new calls, and the arguments that were added to calls. */
    private void sendCalls() throws IOException {
      for (ReadCall call : request.tools().kept(answer.calls())) {
        Sent known = sent.get(call);
        if (known == null) {
          known = new Sent("\"tool_calls\":[{\"index\":" + sent.size());
          sent.put(call, known);
          String id = Json.quoted(ToolCalls.id(call, answer.needsShortIds()));
          send(
              known.begin
                  + ",\"id\":%s,\"type\":\"function\",\"function\":{\"name\":%s,\"arguments\":\"\"}}]"
                      .formatted(id, Json.quoted(call.name())));
        }
        CharSequence arguments = call.arguments();
        if (arguments.length() > known.length) {
          CharSequence added = arguments.subSequence(known.length, arguments.length());
          String delta = Json.quoted(added.toString());
          known.length = arguments.length();
          send(known.begin + ",\"function\":{\"arguments\":" + delta + "}}]");
        }
      }
    }
  }

  /** The part of a call that was sent. */
  private static final class Sent {
    final String begin;
    int length;

    Sent(String begin) {
      this.begin = begin;
    }
  }
}
