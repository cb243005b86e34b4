package dev.vidrio.server.chat;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.model.chat.ChatAnswer;
import dev.vidrio.model.generation.GeneratedToken;
import dev.vidrio.model.generation.TokenLogProbability;
import dev.vidrio.server.generation.ChunkEvents;
import dev.vidrio.server.generation.FinishReasons;
import dev.vidrio.server.generation.Ids;
import dev.vidrio.server.generation.LogProbabilityJson;
import dev.vidrio.server.http.EventStream;
import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.Json;
import dev.vidrio.server.http.JsonBuffer;
import dev.vidrio.template.ToolCall;
import dev.vidrio.tokenizer.Tokenizer;
import java.io.IOException;
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
  private final String plainEnd;

  ChatEvents(
      Exchange exchange, ChatRequest request, Tokenizer tokenizer, Supplier<ChatAnswer> answers) {
    super(
        exchange,
        Ids.next("chatcmpl-"),
        "chat.completion.chunk",
        request.model(),
        request.includeUsage());
    this.request = request;
    this.tokenizer = tokenizer;
    this.answers = answers;
    this.plainEnd = "},\"logprobs\":null,\"finish_reason\":null}" + tail;
  }

  @Override
  protected Choice choice(int index) {
    return new ChatChoice(index);
  }

  private final class ChatChoice implements Choice {
    private final JsonBuffer buffer = new JsonBuffer();
    private final ChatAnswer answer = answers.get();
    private final String open;

    ChatChoice(int index) {
      this.open = head + "{\"index\":" + index + ",\"delta\":{";
    }

    /** Starts a chunk, up to its delta. */
    private JsonBuffer start() {
      return EventStream.start(buffer).raw(open);
    }

    private void send(String logProbabilities, String finish) throws IOException {
      buffer.raw("},\"logprobs\":").raw(logProbabilities).raw(",\"finish_reason\":").raw(finish);
      ChatEvents.this.send(buffer.raw("}").raw(tail));
    }

    private void send() throws IOException {
      ChatEvents.this.send(buffer.raw(plainEnd));
    }

    @Override
    public void begin() throws IOException {
      start().raw("\"role\":\"assistant\",\"content\":\"\"");
      send();
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
        send(REASONING, reasoning, shown ? null : logProbability);
      }
      if (shown || (logProbability != null && !isMarker && reasoning.isEmpty())) {
        send(CONTENT, text, logProbability);
      }
    }

    private void send(String field, String text, @Nullable TokenLogProbability logProbability)
        throws IOException {
      start().raw(field).string(text);
      if (logProbability == null) {
        send();
      } else {
        send(Json.text(LogProbabilityJson.ofChat(tokenizer, List.of(logProbability))), "null");
      }
    }

    @Override
    public void end(Completion completion) throws IOException {
      String rest = answer.finish(completion.result().finish());
      String reasoning = answer.reasoning();
      if (!reasoning.isEmpty()) {
        send(REASONING, reasoning, null);
      }
      if (!rest.isEmpty()) {
        send(CONTENT, rest, null);
      }
      List<ToolCall> calls = request.tools().kept(answer.message().toolCalls());
      for (int i = 0; i < calls.size(); i++) {
        call(i, calls.get(i));
      }
      start();
      send("null", "\"" + FinishReasons.finish(completion, !calls.isEmpty()) + "\"");
    }

    @Override
    public int reasoningTokens() {
      return answer.reasoningTokens();
    }

    /** Sends a call in two chunks, its name and its arguments, as OpenAI's API does. */
    private void call(int index, ToolCall call) throws IOException {
      start()
          .raw("\"tool_calls\":[{\"index\":" + index + ",\"id\":")
          .string(ToolCalls.id(call))
          .raw(",\"type\":\"function\",\"function\":{\"name\":")
          .string(call.name())
          .raw(",\"arguments\":\"\"}}]");
      send();
      start()
          .raw("\"tool_calls\":[{\"index\":" + index + ",\"function\":{\"arguments\":")
          .string(ToolCalls.arguments(call))
          .raw("}}]");
      send();
    }
  }
}
