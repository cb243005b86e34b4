package dev.vidrio.server.text;

import dev.vidrio.engine.Completion;
import dev.vidrio.engine.GenerationRequest;
import dev.vidrio.engine.TokenLogProbability;
import dev.vidrio.lens.hook.Edit;
import dev.vidrio.model.tokenizer.Tokenizer;
import dev.vidrio.server.generation.Ids;
import dev.vidrio.server.generation.LogProbabilities;
import dev.vidrio.server.generation.Reasons;
import dev.vidrio.server.generation.RequestLimits;
import dev.vidrio.server.generation.Streams;
import dev.vidrio.server.generation.Usage;
import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.Json;
import dev.vidrio.server.http.Route;
import dev.vidrio.server.lens.LensWork;
import dev.vidrio.server.model.Models;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** {@code /v1/completions}. */
public final class CompletionRoute {
  private final Models models;
  private final RequestLimits limits;
  private final LensWork lens;

  public CompletionRoute(Models models, RequestLimits limits, LensWork lens) {
    this.models = models;
    this.limits = limits;
    this.lens = lens;
  }

  public Route route() {
    return Route.post("/v1/completions", this::handle);
  }

  private void handle(Exchange exchange) throws IOException {
    CompletionRequest request =
        CompletionRequest.read(exchange.fields(), limits, exchange.tenant());
    try (Models.Use use = models.use(request.model())) {
      Tokenizer tokenizer = use.model().tokenizer();
      use.model().engine().requireRoom(request.prompts().size() * request.bestOf());
      List<Edit> edits = request.parameters().steering().edits(lens, request.model());
      List<GenerationRequest> generations =
          request.prompts().stream()
              .map(prompt -> request.generation(prompt.encode(tokenizer)))
              .map(
                  generation ->
                      generation.toBuilder().edits(edits).adaptation(use.adaptation()).build())
              .toList();
      exchange.reply().header("x-vidrio-parameters", request.parameters().summary());
      try (Streams streams = Streams.submit(use.model().engine(), generations, request.bestOf())) {
        if (request.stream()) {
          new CompletionEvents(exchange, request, tokenizer, generations)
              .send(streams, request.bestOf());
        } else {
          exchange.whileWaiting(streams::close);
          List<Completion> completions = streams.results();
          exchange.answer(Json.bytes(toJson(request, tokenizer, generations, completions)));
        }
      }
    }
  }

  private static Map<String, Object> toJson(
      CompletionRequest request,
      Tokenizer tokenizer,
      List<GenerationRequest> generations,
      List<Completion> completions) {
    List<Map<String, @Nullable Object>> choices = new ArrayList<>();
    for (int i = 0; i < generations.size(); i++) {
      int[] prompt = generations.get(i).prompt();
      List<Completion> answers =
          completions.subList(i * request.bestOf(), (i + 1) * request.bestOf());
      for (Completion answer : best(answers, request.parameters().choices())) {
        choices.add(choice(request, tokenizer, prompt, choices.size(), answer));
      }
    }
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("id", Ids.next("cmpl-"));
    json.put("object", "text_completion");
    json.put("created", Ids.now());
    json.put("model", request.model());
    json.put("choices", choices);
    json.put("usage", Usage.of(completions, request.bestOf()).toJson());
    return json;
  }

  /** The answers of the greatest log-probability per token, in that order; all as they came. */
  private static List<Completion> best(List<Completion> answers, int n) {
    if (n == answers.size()) {
      return answers;
    }
    return answers.stream()
        .sorted(Comparator.comparingDouble(CompletionRoute::meanLogProbability).reversed())
        .limit(n)
        .toList();
  }

  private static double meanLogProbability(Completion completion) {
    return completion.tokens().stream()
        .mapToDouble(TokenLogProbability::logProbability)
        .average()
        .orElse(0);
  }

  private static Map<String, @Nullable Object> choice(
      CompletionRequest request,
      Tokenizer tokenizer,
      int[] prompt,
      int index,
      Completion completion) {
    List<Integer> ids = new ArrayList<>();
    List<@Nullable TokenLogProbability> tokens = new ArrayList<>();
    String echoed = "";
    if (request.echo()) {
      echoed = CompletionText.of(tokenizer, prompt);
      for (int id : prompt) {
        ids.add(id);
      }
      tokens.addAll(completion.prompt());
    }
    ids.addAll(completion.result().tokens());
    tokens.addAll(completion.tokens());
    Map<String, @Nullable Object> choice = new LinkedHashMap<>();
    choice.put("text", echoed + completion.result().text());
    choice.put("index", index);
    choice.put(
        "logprobs",
        request.logProbabilities() < 0
            ? null
            : LogProbabilities.ofCompletion(
                tokenizer, ids, tokens, CompletionText.offsets(tokenizer, ids)));
    choice.put("finish_reason", Reasons.finish(completion));
    if (completion.score() != null) {
      choice.put("score", completion.score());
    }
    return choice;
  }
}
