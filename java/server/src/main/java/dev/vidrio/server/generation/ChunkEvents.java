package dev.vidrio.server.generation;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.EventStream;
import dev.vidrio.server.http.ExceptionMapper;
import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.Json;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonValue;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Sends answers as a stream of chunks, one per token. The common parts of all chunks are encoded
 * once.
 */
public abstract class ChunkEvents {
  private final EventStream events;
  private final String request;
  private final boolean includeUsage;
  // A chunk before and after its choice.
  private final String head;
  private final String tail;

  /** Sends the chunks of one answer. */
  protected interface Choice extends AnswerStreams.AnswerSink {
    /** Sends the chunks before the first token. */
    void begin() throws IOException;

    /** Returns the number of reasoning tokens. */
    default int reasoningTokens() {
      return 0;
    }
  }

  /**
   * Creates a stream; nothing is sent yet.
   *
   * @param id the id of all chunks
   * @param object the value of their field {@code object}
   * @param fingerprint names the arithmetic of the model; null if its bits are not portable
   * @param includeUsage if true, the last chunk reports the usage
   */
  protected ChunkEvents(
      Exchange exchange,
      String id,
      String object,
      String model,
      @Nullable String fingerprint,
      boolean includeUsage) {
    this.request = exchange.id();
    this.events = new EventStream(exchange.response());
    this.includeUsage = includeUsage;
    this.head =
        "{\"id\":%s,\"object\":\"%s\",\"created\":%s,\"model\":%s,\"system_fingerprint\":%s,\"choices\":["
            .formatted(
                Json.quoted(id),
                object,
                Ids.now(),
                Json.quoted(model),
                fingerprint == null ? "null" : Json.quoted(fingerprint));
    this.tail = includeUsage ? "],\"usage\":null}" : "]}";
  }

  /** Reads {@code stream_options} and returns whether the stream ends with the usage. */
  public static boolean includesUsage(JsonFields fields, boolean stream) {
    JsonValue value = fields.value("stream_options");
    if (value == null) {
      return false;
    }
    if (!stream) {
      throw ApiException.invalid("stream_options", "needs stream to be true");
    }
    JsonFields options = value.fields();
    boolean usage = options.bool("include_usage", false);
    if (options.bool("include_obfuscation", false)) {
      throw ApiException.unsupported(options.path("include_obfuscation"), "not supported");
    }
    options.end();
    return usage;
  }

  /** Creates the sender of an answer. */
  protected abstract Choice choice(int index);

  /**
   * Sends all answers and {@code [DONE]}.
   *
   * @param perPrompt the number of answers per prompt
   */
  public final void send(AnswerStreams streams, int perPrompt) throws IOException {
    events.startHeartbeats(streams::close);
    List<Choice> choices = new ArrayList<>();
    for (int i = 0; i < streams.size(); i++) {
      choices.add(choice(i));
      choices.get(i).begin();
    }
    events.flush();
    List<Completion> completions;
    try {
      completions = streams.read(choices, events::flush);
    } catch (RuntimeException e) {
      events.send(Json.text(ExceptionMapper.toApiException(e, request).toJson()));
      events.end();
      return;
    }
    if (includeUsage) {
      int reasoning = choices.stream().mapToInt(Choice::reasoningTokens).sum();
      Usage usage = Usage.of(completions, perPrompt, reasoning);
      events.send(head + "],\"usage\":" + Json.text(usage.toJson()) + "}");
    }
    events.done();
  }

  /** Sends a chunk with this choice, a JSON object. */
  protected final void send(String choice) throws IOException {
    events.send(head + choice + tail);
  }
}
