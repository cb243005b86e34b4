package dev.vidrio.server.completion;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.model.generation.FinishReason;
import dev.vidrio.model.generation.GeneratedToken;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.sampling.DryOptions;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.server.generation.AnswerStreams;
import dev.vidrio.server.generation.ApiResponse;
import dev.vidrio.server.generation.GenerationParameters;
import dev.vidrio.server.generation.LogProbabilityJson;
import dev.vidrio.server.http.EventStream;
import dev.vidrio.server.http.ExceptionMapper;
import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.Json;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.tokenizer.Tokenizer;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The response to a request of llama.cpp's own routes, {@code /completion} and {@code /infill},
 * with the fields of llama.cpp. A stream has no {@code [DONE]}; the last event of an answer has
 * {@code stop} true.
 */
final class LlamaResponse implements ApiResponse {
  private final LlamaOutput output;
  private final GenerationParameters parameters;
  private final Tokenizer tokenizer;
  private final List<int[]> prompts;

  /**
   * Creates the response.
   *
   * @param output the wanted parts of the response
   * @param parameters the parameters, which the response repeats
   * @param prompts the tokens of the prompts
   */
  LlamaResponse(
      LlamaOutput output,
      GenerationParameters parameters,
      Tokenizer tokenizer,
      List<int[]> prompts) {
    this.output = output;
    this.parameters = parameters;
    this.tokenizer = tokenizer;
    this.prompts = prompts;
  }

  @Override
  public JsonObject toJson(List<Completion> completions) {
    return whole(0, completions.getFirst());
  }

  /** Sends an object for a single prompt, and an array for several. */
  @Override
  public void answer(Exchange exchange, List<Completion> completions) throws IOException {
    if (completions.size() == 1) {
      exchange.answer(toJson(completions));
    } else {
      exchange.answerArray(
          IntStream.range(0, completions.size())
              .mapToObj(i -> whole(i, completions.get(i)))
              .toList());
    }
  }

  private JsonObject whole(int index, Completion completion) {
    List<Integer> tokens = output.returnTokens() ? completion.result().tokens() : List.of();
    JsonObject json = toJson(index, completion.text(), tokens, completion);
    if (output.probabilities() > 0) {
      json.put(
          "completion_probabilities", LogProbabilityJson.ofTokens(tokenizer, completion.tokens()));
    }
    return selected(json);
  }

  @Override
  public void send(Exchange exchange, AnswerStreams streams) throws IOException {
    var events = new EventStream(exchange.response());
    events.startHeartbeats(streams::close);
    events.flush();
    List<Sink> sinks = new ArrayList<>();
    for (int i = 0; i < prompts.size(); i++) {
      sinks.add(new Sink(events, i));
    }
    try {
      var _ = streams.read(sinks, events::flush);
    } catch (RuntimeException e) {
      events.send(Json.text(ExceptionMapper.toApiException(e, exchange.id()).toJson()));
    }
    events.end();
  }

  /** Sends a token per event, and the result in the last one. */
  private final class Sink implements AnswerStreams.AnswerSink {
    private final EventStream events;
    private final int index;

    Sink(EventStream events, int index) {
      this.events = events;
      this.index = index;
    }

    @Override
    public void accept(GeneratedToken token) throws IOException {
      var logProbability = token.logProbability();
      if (token.text().isEmpty() && logProbability == null) {
        return;
      }
      events.send(
          Json.text(
              new JsonObject()
                  .with("index", index)
                  .with("content", token.text())
                  .with("tokens", List.of(token.id()))
                  .with("stop", false)
                  .withPresent(
                      "completion_probabilities",
                      logProbability == null
                          ? null
                          : LogProbabilityJson.ofTokens(tokenizer, List.of(logProbability)))));
    }

    @Override
    public void end(Completion completion) throws IOException {
      events.send(Json.text(selected(toJson(index, "", List.of(), completion))));
    }
  }

  private JsonObject toJson(
      int index, String content, List<Integer> tokens, Completion completion) {
    int generated = completion.result().tokens().size();
    int[] prompt = prompts.get(index);
    return new JsonObject()
        .with("index", index)
        .with("content", content)
        .with("tokens", tokens)
        .with("stop", true)
        .with("model", output.model())
        .with("tokens_predicted", generated)
        .with("tokens_evaluated", prompt.length)
        .with("tokens_cached", completion.cachedTokens())
        .with("generation_settings", settings())
        .with("prompt", tokenizer.decode(prompt))
        .with("has_new_line", completion.text().contains("\n"))
        .with("truncated", completion.result().finish() == FinishReason.CONTEXT)
        .with("stop_type", stopType(completion))
        .with("timings", timings(prompt.length, completion, generated));
  }

  /** Returns the parameters in llama.cpp's names. */
  private JsonObject settings() {
    GenerationOptions options = parameters.template().options();
    SamplingOptions sampling = options.sampling();
    DryOptions dry = sampling.dry();
    return new JsonObject()
        .with("n_predict", options.tokens())
        .with("seed", sampling.seed())
        .with("temperature", sampling.temperature())
        .with("top_k", sampling.topK())
        .with("top_p", sampling.topP())
        .with("min_p", sampling.minP())
        .with("top_n_sigma", sampling.topNSigma())
        .with("xtc_probability", sampling.xtcProbability())
        .with("xtc_threshold", sampling.xtcThreshold())
        .with("repeat_penalty", sampling.repeatPenalty())
        .with("repeat_last_n", sampling.penaltyWindow())
        .with("presence_penalty", sampling.presencePenalty())
        .with("frequency_penalty", sampling.frequencyPenalty())
        .with("dry_multiplier", dry.multiplier())
        .with("dry_base", dry.base())
        .with("dry_allowed_length", dry.allowedLength())
        .with("dry_penalty_last_n", dry.window())
        .with("dry_sequence_breakers", dry.breakers())
        .with("stop", options.stop())
        .with("ignore_eos", options.ignoreEnd())
        .with("logit_bias", biases(options));
  }

  /** Returns biases of tokens; null, for minus infinity, of ends that are ignored. */
  private List<JsonObject> biases(GenerationOptions options) {
    List<JsonObject> biases = new ArrayList<>();
    options
        .sampling()
        .logitBias()
        .forEach((id, bias) -> biases.add(new JsonObject().with("token", id).with("bias", bias)));
    if (options.ignoreEnd()) {
      tokenizer
          .endOfGeneration()
          .forEach(id -> biases.add(new JsonObject().with("token", id).with("bias", null)));
    }
    return biases;
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

  private static JsonObject timings(int promptTokens, Completion completion, int generated) {
    int evaluated = promptTokens - completion.cachedTokens();
    var timings = new JsonObject().with("cache_n", completion.cachedTokens());
    add(
        timings,
        "prompt",
        evaluated,
        evaluated,
        completion.firstToken().minus(completion.queued()));
    // The first token is computed in the last step of the prompt.
    int steps = Math.max(0, generated - 1);
    add(timings, "predicted", generated, steps, completion.total().minus(completion.firstToken()));
    return timings;
  }

  /**
   * Adds the figures of a phase.
   *
   * @param computed the number of tokens that were computed in the time
   */
  private static void add(
      JsonObject timings, String name, int tokens, int computed, Duration time) {
    double milliseconds = time.toNanos() / 1e6;
    timings
        .with(name + "_n", tokens)
        .with(name + "_ms", milliseconds)
        .with(name + "_per_token_ms", computed == 0 ? 0 : milliseconds / computed)
        .with(name + "_per_second", milliseconds == 0 ? 0 : 1e3 * computed / milliseconds);
  }

  /** Returns the requested fields under their paths, or the whole object if none is requested. */
  private JsonObject selected(JsonObject whole) {
    if (output.responseFields().isEmpty()) {
      return whole;
    }
    var selected = new JsonObject();
    for (String path : output.responseFields()) {
      @Nullable Object value = whole;
      for (String name : path.split("/", -1)) {
        value = value instanceof Map<?, ?> fields ? fields.get(name) : null;
      }
      selected.withPresent(path, value);
    }
    return selected;
  }
}
