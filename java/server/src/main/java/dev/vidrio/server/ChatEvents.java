package dev.vidrio.server;

import dev.vidrio.engine.Completion;
import dev.vidrio.engine.GeneratedToken;
import dev.vidrio.model.template.ToolCall;
import dev.vidrio.model.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * The answers to a chat as a stream of chunks. What all chunks have in common is put into bytes
 * once: one chunk per token and client is what a server does most.
 */
final class ChatEvents {
  private static final byte[] NULL = "null".getBytes(StandardCharsets.UTF_8);
  private static final byte[] CONTENT = "\"content\":".getBytes(StandardCharsets.UTF_8);

  private final ChatRequest request;
  private final Tokenizer tokenizer;
  private final EventStream events;
  private final Reply reply;
  private final String id;
  private final byte[] head;
  private final byte[] tail;
  private final byte[] plainEnd;

  ChatEvents(Exchange exchange, ChatRequest request, Tokenizer tokenizer) {
    this.request = request;
    this.tokenizer = tokenizer;
    this.reply = exchange.reply();
    this.id = exchange.id();
    this.events = new EventStream(reply);
    this.head =
        new JsonBuffer()
            .raw("{\"id\":")
            .string(Ids.next("chatcmpl-"))
            .raw(",\"object\":\"chat.completion.chunk\",\"created\":" + Ids.now() + ",\"model\":")
            .string(request.model())
            .raw(",\"choices\":[")
            .toBytes();
    this.tail =
        (request.includeUsage() ? "],\"usage\":null}" : "]}").getBytes(StandardCharsets.UTF_8);
    this.plainEnd =
        new JsonBuffer().raw("},\"logprobs\":null,\"finish_reason\":null}").raw(tail).toBytes();
  }

  /** Sends all answers, from their roles to {@code [DONE]}. */
  void send(Streams streams) throws IOException {
    reply.whileWaiting(EventStream.CONTENT_TYPE, EventStream.HEARTBEAT, streams::close);
    List<Choice> choices = new ArrayList<>();
    for (int i = 0; i < streams.size(); i++) {
      choices.add(new Choice(i));
      choices.get(i).begin();
    }
    List<Completion> completions;
    try {
      completions = streams.read((i, token) -> choices.get(i).accept(token));
    } catch (RuntimeException e) {
      events.send(Failures.explain(e, id).toJson());
      events.end();
      return;
    }
    for (int i = 0; i < choices.size(); i++) {
      choices.get(i).end(completions.get(i));
    }
    if (request.includeUsage()) {
      Usage usage = Usage.of(completions, completions.size());
      events.send(
          EventStream.start(new JsonBuffer())
              .raw(head)
              .raw("],\"usage\":")
              .raw(Json.bytes(usage.toJson()))
              .raw("}"));
    }
    events.done();
  }

  /** One of the answers. */
  private final class Choice {
    private final JsonBuffer buffer = new JsonBuffer();
    private final AnswerText answer =
        new AnswerText(tokenizer, !request.tools().tools().isEmpty(), request.tools().parallel());
    private final byte[] open;

    Choice(int index) {
      this.open = new JsonBuffer().raw(head).raw("{\"index\":" + index + ",\"delta\":{").toBytes();
    }

    /** Starts a chunk up to where its delta is appended. */
    private JsonBuffer start() {
      return EventStream.start(buffer).raw(open);
    }

    private void send(byte[] logProbabilities, String finish) throws IOException {
      buffer.raw("},\"logprobs\":").raw(logProbabilities).raw(",\"finish_reason\":").raw(finish);
      events.send(buffer.raw("}").raw(tail));
    }

    private void send() throws IOException {
      events.send(buffer.raw(plainEnd));
    }

    void begin() throws IOException {
      start().raw("\"role\":\"assistant\",\"content\":\"\"");
      send();
    }

    void accept(GeneratedToken token) throws IOException {
      String text = answer.accept(token);
      var logProbability = token.logProbability();
      if (text.isEmpty() && logProbability == null) {
        return;
      }
      start().raw(CONTENT).string(text);
      if (logProbability == null) {
        send();
      } else {
        send(Json.bytes(LogProbabilities.ofChat(tokenizer, List.of(logProbability))), "null");
      }
    }

    void end(Completion completion) throws IOException {
      String rest = answer.finish();
      if (!rest.isEmpty()) {
        start().raw(CONTENT).string(rest);
        send();
      }
      List<ToolCall> calls = answer.calls();
      for (int i = 0; i < calls.size(); i++) {
        call(i, calls.get(i));
      }
      start();
      send(NULL, "\"" + (calls.isEmpty() ? Reasons.finish(completion) : "tool_calls") + "\"");
    }

    /** Who is called, then with what, as clients put calls together. */
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
