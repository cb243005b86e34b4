package dev.vidrio.server.completion;

import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.server.generation.ChunkEvents;
import dev.vidrio.server.generation.GenerationParameters;
import dev.vidrio.server.generation.RequestLimits;
import dev.vidrio.server.generation.ApiResponse;
import dev.vidrio.server.generation.ApiRequest;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.model.ServedModel;
import dev.vidrio.server.prompt.Prompt;
import java.util.List;

/**
 * A request to continue texts.
 *
 * @param echo whether an answer begins with its prompt
 * @param logProbabilities as {@link GenerationRequest#logProbabilities}
 * @param bestOf answers that are generated, of which the most likely are given
 * @param includeUsage whether a stream ends with what it cost
 */
record CompletionRequest(
    String model,
    List<Prompt> prompts,
    GenerationParameters parameters,
    boolean echo,
    int logProbabilities,
    int bestOf,
    boolean stream,
    boolean includeUsage)
    implements ApiRequest {

  /** Tokens of an answer where the request does not say, as OpenAI's API has it. */
  private static final int DEFAULT_TOKENS = 16;

  static CompletionRequest read(JsonFields fields, RequestLimits limits, String tenant) {
    String model = fields.required("model").string();
    List<Prompt> prompts = Prompt.read(fields.required("prompt"), limits.choices());
    if (!fields.string("suffix", "").isEmpty()) {
      throw ApiException.unsupported(
          "suffix", "suffix: models here continue texts, and do not fill gaps");
    }
    int tokens = Math.min(DEFAULT_TOKENS, limits.tokens());
    GenerationParameters parameters =
        GenerationParameters.read(
            fields, fields.integer("max_tokens", tokens, 0, limits.tokens()), limits, tenant);
    boolean stream = fields.bool("stream", false);
    var request =
        new CompletionRequest(
            model,
            prompts,
            parameters,
            fields.bool("echo", false),
            fields.integer("logprobs", -1, 0, GenerationRequest.MAX_TOP),
            fields.integer("best_of", parameters.choices(), parameters.choices(), limits.choices()),
            stream,
            ChunkEvents.includesUsage(fields, stream));
    fields.end();
    request.check(limits);
    return request;
  }

  private void check(RequestLimits limits) {
    if (stream && bestOf > parameters.choices()) {
      throw ApiException.invalid(
          "best_of", "best_of " + bestOf + ": the best is not known while a stream runs");
    }
    if (parameters.beams() != null && bestOf > parameters.choices()) {
      throw ApiException.invalid(
          "best_of", "best_of " + bestOf + ": beams are ranked already, the n best are given");
    }
    if (stream && echo && logProbabilities >= 0) {
      throw ApiException.unsupported(
          "echo", "echo: log-probabilities of a prompt are not streamed");
    }
    if ((long) prompts.size() * bestOf > limits.choices()) {
      throw ApiException.invalid(
          "prompt",
          "prompt of "
              + prompts.size()
              + " prompts times "
              + bestOf
              + " answers: must be at most "
              + limits.choices());
    }
  }

  @Override
  public int promptCount() {
    return prompts.size();
  }

  @Override
  public int answersPerPrompt() {
    return bestOf;
  }

  @Override
  public String answersField() {
    return bestOf > parameters.choices() ? "best_of" : "n";
  }

  @Override
  public String promptField() {
    return "prompt";
  }

  @Override
  public String promptField(int index) {
    return prompts.get(index).path();
  }

  @Override
  public List<GenerationRequest> generations(ServedModel served) {
    boolean ranked = bestOf > parameters.choices();
    int own = ranked ? Math.max(0, logProbabilities) : logProbabilities;
    return prompts.stream()
        .map(prompt -> prompt.encode(served.tokenizer()))
        .map(prompt -> parameters.request(prompt, own, echo ? logProbabilities : -1))
        .toList();
  }

  @Override
  public ApiResponse answer(ServedModel served, List<GenerationRequest> generations) {
    return new CompletionResponse(this, served.tokenizer(), generations);
  }
}
