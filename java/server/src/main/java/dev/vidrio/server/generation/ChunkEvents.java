package dev.vidrio.server.generation;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.model.generation.GeneratedToken;
import dev.vidrio.server.http.EventStream;
import dev.vidrio.server.http.ExceptionMapper;
import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.Json;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Sends answers as a stream of chunks, one per token. The common parts of all chunks are encoded
 * once.
 */
public abstract class ChunkEvents {
  private final EventStream events;
  private final String request;
  private final StreamUsage usage;
  private final AtomicInteger generated = new AtomicInteger();
  private int promptTokens;
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
   * @param fingerprint as {@link dev.vidrio.server.model.ServedModel#fingerprint}
   * @param usage which chunks report the usage
   */
  protected ChunkEvents(
      Exchange exchange,
      String id,
      String object,
      String model,
      String fingerprint,
      StreamUsage usage) {
    this.request = exchange.id();
    this.events = new EventStream(exchange.response());
    this.usage = usage;
    this.head =
        "{\"id\":%s,\"object\":\"%s\",\"created\":%s,\"model\":%s,\"system_fingerprint\":%s,\"choices\":["
            .formatted(
                Json.quoted(id), object, Ids.now(), Json.quoted(model), Json.quoted(fingerprint));
    this.tail = usage == StreamUsage.NONE ? "]}" : "],\"usage\":null}";
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
    promptTokens = streams.promptTokens();
    List<Choice> choices = new ArrayList<>();
    for (int i = 0; i < streams.size(); i++) {
      choices.add(choice(i));
      choices.get(i).begin();
    }
    events.flush();
    List<Completion> completions;
    try {
      completions = streams.read(choices.stream().map(Counted::new).toList(), events::flush);
    } catch (RuntimeException e) {
      events.send(Json.text(ExceptionMapper.toApiException(e, request).toJson()));
      events.end();
      return;
    }
    if (usage != StreamUsage.NONE) {
      int reasoning = choices.stream().mapToInt(Choice::reasoningTokens).sum();
      Usage total = Usage.of(completions, perPrompt, reasoning);
      events.send(head + "],\"usage\":" + Json.text(total.toJson()) + "}");
    }
    events.done();
  }

  /** Sends a chunk with this choice, a JSON object. */
  protected final void send(String choice) throws IOException {
    events.send(head + choice + (usage == StreamUsage.EACH ? soFar() : tail));
  }

  private String soFar() {
    int tokens = generated.get();
    return "],\"usage\":{\"prompt_tokens\":%s,\"completion_tokens\":%s,\"total_tokens\":%s}}"
        .formatted(promptTokens, tokens, promptTokens + tokens);
  }

  /** Counts the tokens of an answer. */
  private final class Counted implements AnswerStreams.AnswerSink {
    private final Choice choice;

    Counted(Choice choice) {
      this.choice = choice;
    }

    @Override
    public void accept(GeneratedToken token) throws IOException {
      var _ = generated.incrementAndGet();
      choice.accept(token);
    }

    @Override
    public void end(Completion completion) throws IOException {
      choice.end(completion);
    }
  }
}
