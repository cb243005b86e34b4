package dev.vidrio.server.generation;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.model.generation.GeneratedToken;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.EventStream;
import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.Failures;
import dev.vidrio.server.http.Fields;
import dev.vidrio.server.http.Json;
import dev.vidrio.server.http.JsonBuffer;
import dev.vidrio.server.http.Value;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * Answers as a stream of chunks. What all chunks have in common is put into bytes once: one chunk
 * per token and client is what a server does most.
 */
public abstract class ChunkEvents {
  protected static final byte[] NULL = "null".getBytes(StandardCharsets.UTF_8);

  /** What comes before and behind the choices of a chunk. */
  protected final byte[] head;

  protected final byte[] tail;
  private final EventStream events;
  private final String request;
  private final boolean includeUsage;

  /** One of the answers. */
  protected interface Choice {
    /** Sends what precedes the tokens. */
    void begin() throws IOException;

    void accept(GeneratedToken token) throws IOException;

    /** Sends what is left, and why the answer has ended. */
    void end(Completion completion) throws IOException;

    /** How many of the tokens were reasoning. */
    default int reasoningTokens() {
      return 0;
    }
  }

  /**
   * A stream that has not begun.
   *
   * @param id of all chunks
   * @param object what each of them is
   * @param includeUsage whether the last one tells what the answers cost
   */
  protected ChunkEvents(
      Exchange exchange, String id, String object, String model, boolean includeUsage) {
    this.request = exchange.id();
    this.events = new EventStream(exchange.reply());
    this.includeUsage = includeUsage;
    this.head =
        new JsonBuffer()
            .raw("{\"id\":")
            .string(id)
            .raw(",\"object\":\"" + object + "\",\"created\":" + Ids.now() + ",\"model\":")
            .string(model)
            .raw(",\"choices\":[")
            .toBytes();
    this.tail = (includeUsage ? "],\"usage\":null}" : "]}").getBytes(StandardCharsets.UTF_8);
  }

  /** Reads {@code stream_options}: whether a stream ends with what it cost. */
  public static boolean includesUsage(Fields fields, boolean stream) {
    Value value = fields.value("stream_options");
    if (value == null) {
      return false;
    }
    if (!stream) {
      throw ApiException.invalid("stream_options", "stream_options: needs stream to be true");
    }
    Fields options = value.fields();
    boolean usage = options.bool("include_usage", false);
    if (options.bool("include_obfuscation", false)) {
      throw ApiException.unsupported(
          options.path("include_obfuscation"),
          options.path("include_obfuscation") + ": is not supported");
    }
    options.end();
    return usage;
  }

  protected abstract Choice choice(int index);

  /**
   * Sends all answers, and {@code [DONE]}.
   *
   * @param perPrompt answers to each prompt
   */
  public final void send(Streams streams, int perPrompt) throws IOException {
    events.whileWaiting(streams::close);
    List<Choice> choices = new ArrayList<>();
    for (int i = 0; i < streams.size(); i++) {
      choices.add(choice(i));
      choices.get(i).begin();
    }
    events.flush();
    List<Completion> completions;
    try {
      completions = streams.read(new Sink(choices), events::flush);
    } catch (RuntimeException e) {
      events.send(Failures.explain(e, request).toJson());
      events.end();
      return;
    }
    if (includeUsage) {
      int reasoning = choices.stream().mapToInt(Choice::reasoningTokens).sum();
      Usage usage = Usage.of(completions, perPrompt, reasoning);
      events.send(
          EventStream.start(new JsonBuffer())
              .raw(head)
              .raw("],\"usage\":")
              .raw(Json.bytes(usage.toJson()))
              .raw("}"));
    }
    events.done();
  }

  private record Sink(List<Choice> choices) implements Streams.TokenSink {
    @Override
    public void accept(int index, GeneratedToken token) throws IOException {
      choices.get(index).accept(token);
    }

    @Override
    public void end(int index, Completion completion) throws IOException {
      choices.get(index).end(completion);
    }
  }

  /** Sends a chunk that {@link EventStream#start} began. */
  protected final void send(JsonBuffer chunk) throws IOException {
    events.send(chunk);
  }
}
