package dev.vidrio.server.completion;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.model.generation.FinishReason;
import dev.vidrio.model.generation.GeneratedToken;
import dev.vidrio.server.generation.AnswerStreams;
import dev.vidrio.server.generation.ApiResponse;
import dev.vidrio.server.http.EventStream;
import dev.vidrio.server.http.ExceptionMapper;
import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.Json;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.tokenizer.Tokenizer;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The response to an {@link InfillRequest}, with the fields of llama.cpp. A stream has no {@code
 * [DONE]}; its last event has {@code stop} true.
 */
final class InfillResponse implements ApiResponse {
  private final InfillRequest request;
  private final Tokenizer tokenizer;
  private final int[] prompt;

  /**
   * Creates the response.
   *
   * @param prompt the tokens of the prompt
   */
  InfillResponse(InfillRequest request, Tokenizer tokenizer, int[] prompt) {
    this.request = request;
    this.tokenizer = tokenizer;
    this.prompt = prompt;
  }

  @Override
  public JsonObject toJson(List<Completion> completions) {
    Completion completion = completions.getFirst();
    return selected(toJson(completion.text(), completion));
  }

  @Override
  public void send(Exchange exchange, AnswerStreams streams) throws IOException {
    var events = new EventStream(exchange.response());
    events.startHeartbeats(streams::close);
    events.flush();
    try {
      var _ = streams.read(List.of(new Sink(events)), events::flush);
    } catch (RuntimeException e) {
      events.send(Json.text(ExceptionMapper.toApiException(e, exchange.id()).toJson()));
    }
    events.end();
  }

  /** Sends a token per event, and the result in the last one. */
  private final class Sink implements AnswerStreams.AnswerSink {
    private final EventStream events;

    Sink(EventStream events) {
      this.events = events;
    }

    @Override
    public void accept(GeneratedToken token) throws IOException {
      if (!token.text().isEmpty()) {
        events.send(
            Json.text(
                new JsonObject()
                    .with("index", 0)
                    .with("content", token.text())
                    .with("tokens", List.of(token.id()))
                    .with("stop", false)));
      }
    }

    @Override
    public void end(Completion completion) throws IOException {
      events.send(Json.text(selected(toJson("", completion))));
    }
  }

  private JsonObject toJson(String content, Completion completion) {
    int generated = completion.result().tokens().size();
    return new JsonObject()
        .with("index", 0)
        .with("content", content)
        .with("tokens", List.of())
        .with("stop", true)
        .with("model", request.model())
        .with("tokens_predicted", generated)
        .with("tokens_evaluated", prompt.length)
        .with("tokens_cached", completion.cachedTokens())
        .with("prompt", tokenizer.decode(prompt))
        .with("truncated", false)
        .with("stop_type", stopType(completion))
        .with("timings", timings(completion, generated));
  }

  /** Returns {@code eos}, {@code word} for a stop string, or {@code limit}. */
  private String stopType(Completion completion) {
    if (completion.result().finish() != FinishReason.STOP) {
      return "limit";
    }
    int[] ids = completion.result().tokens().stream().mapToInt(Integer::intValue).toArray();
    boolean whole = CompletionResponse.text(tokenizer, ids).equals(completion.text());
    return whole ? "eos" : "word";
  }

  private JsonObject timings(Completion completion, int generated) {
    int evaluated = prompt.length - completion.cachedTokens();
    var timings = new JsonObject().with("cache_n", completion.cachedTokens());
    add(timings, "prompt", evaluated, completion.firstToken().minus(completion.queued()));
    add(timings, "predicted", generated, completion.total().minus(completion.firstToken()));
    return timings;
  }

  private static void add(JsonObject timings, String name, int tokens, Duration time) {
    double milliseconds = time.toNanos() / 1e6;
    timings
        .with(name + "_n", tokens)
        .with(name + "_ms", milliseconds)
        .with(name + "_per_token_ms", tokens == 0 ? 0 : milliseconds / tokens)
        .with(name + "_per_second", milliseconds == 0 ? 0 : 1e3 * tokens / milliseconds);
  }

  /** Returns the requested fields under their paths, or the whole object if none is requested. */
  private JsonObject selected(JsonObject whole) {
    if (request.responseFields().isEmpty()) {
      return whole;
    }
    var selected = new JsonObject();
    for (String path : request.responseFields()) {
      @Nullable Object value = whole;
      for (String name : path.split("/", -1)) {
        value = value instanceof Map<?, ?> fields ? fields.get(name) : null;
      }
      selected.withPresent(path, value);
    }
    return selected;
  }
}
