package dev.vidrio.server.completion;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.model.generation.TokenLogProbability;
import dev.vidrio.server.generation.AnswerStreams;
import dev.vidrio.server.generation.ApiResponse;
import dev.vidrio.server.generation.FinishReasons;
import dev.vidrio.server.generation.Ids;
import dev.vidrio.server.generation.LogProbabilityJson;
import dev.vidrio.server.generation.Receipts;
import dev.vidrio.server.generation.Usage;
import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.server.model.ServedModel;
import dev.vidrio.tokenizer.TokenDecoder;
import dev.vidrio.tokenizer.Tokenizer;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The response to a {@link CompletionRequest}.
 *
 * @param request the request
 * @param fingerprint as {@link ServedModel#fingerprint}
 * @param tokenizer the tokenizer of the model
 * @param prompts the tokens of the prompts
 */
record CompletionResponse(
    CompletionRequest request, String fingerprint, Tokenizer tokenizer, List<int[]> prompts)
    implements ApiResponse {

  /** Creates a response, as a {@link CompletionRequest.Responder}. */
  static CompletionResponse of(CompletionRequest request, ServedModel served, List<int[]> prompts) {
    return new CompletionResponse(request, served.fingerprint(), served.tokenizer(), prompts);
  }

  @Override
  public void send(Exchange exchange, AnswerStreams streams) throws IOException {
    new CompletionEvents(exchange, request, fingerprint, tokenizer, prompts)
        .send(streams, request.answersPerPrompt());
  }

  @Override
  public JsonObject toJson(List<Completion> completions) {
    List<JsonObject> choices = new ArrayList<>();
    for (int i = 0; i < prompts.size(); i++) {
      List<Completion> answers =
          completions.subList(i * request.bestOf(), (i + 1) * request.bestOf());
      for (Completion answer : best(answers, request.parameters().choices())) {
        choices.add(choice(prompts.get(i), choices.size(), answer));
      }
    }
    return new JsonObject()
        .with("id", Ids.next("cmpl-"))
        .with("object", "text_completion")
        .with("created", Ids.now())
        .with("model", request.model())
        .with("system_fingerprint", fingerprint)
        .with("choices", choices)
        .with("usage", Usage.of(completions, request.bestOf(), 0).toJson());
  }

  /**
   * Returns the {@code n} answers with the highest mean log-probability per token, best first.
   * Empty answers rank last. If there are only {@code n}, their order is kept.
   */
  private static List<Completion> best(List<Completion> answers, int n) {
    if (n == answers.size()) {
      return answers;
    }
    return answers.stream()
        .sorted(Comparator.comparingDouble(CompletionResponse::meanLogProbability).reversed())
        .limit(n)
        .toList();
  }

  private static double meanLogProbability(Completion completion) {
    return completion.tokens().stream()
        .mapToDouble(TokenLogProbability::logProbability)
        .average()
        .orElse(Double.NEGATIVE_INFINITY);
  }

  private JsonObject choice(int[] prompt, int index, Completion completion) {
    List<Integer> ids = new ArrayList<>();
    List<@Nullable TokenLogProbability> tokens = new ArrayList<>();
    String echoed = "";
    if (request.echo()) {
      echoed = text(tokenizer, prompt);
      IntStream.of(prompt).forEach(ids::add);
      tokens.addAll(completion.prompt());
      // If the time ran out during the prompt, its last tokens have none.
      while (tokens.size() < ids.size()) {
        tokens.add(null);
      }
    }
    ids.addAll(completion.result().tokens());
    tokens.addAll(completion.tokens());
    var offsets = new TextOffsets(tokenizer);
    return new JsonObject()
        .with("text", echoed + completion.text())
        .with("index", index)
        .with(
            "logprobs",
            request.logProbabilities() < 0
                ? null
                : LogProbabilityJson.ofCompletion(
                    tokenizer, ids, tokens, ids.stream().map(offsets::next).toList()))
        .with("finish_reason", FinishReasons.finish(completion))
        .withPresent("score", completion.score())
        .withPresent("receipt", Receipts.tree(completion));
  }

  /** Returns the text of tokens, without special tokens. */
  static String text(Tokenizer tokenizer, int[] ids) {
    TokenDecoder decoder = tokenizer.streamingDecoder(true);
    var text = new StringBuilder();
    for (int id : ids) {
      text.append(decoder.accept(id));
    }
    return text.append(decoder.finish()).toString();
  }
}
