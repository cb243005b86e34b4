package dev.vidrio.server.completion;

import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.server.generation.AnswerFormat;
import dev.vidrio.server.generation.ApiRequest;
import dev.vidrio.server.generation.ApiResponse;
import dev.vidrio.server.generation.GenerationParameters;
import dev.vidrio.server.generation.RequestLimits;
import dev.vidrio.server.generation.StreamUsage;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.model.ServedModel;
import dev.vidrio.server.prompt.Prompt;
import dev.vidrio.tokenizer.FillInMiddle;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A request of {@code /v1/completions}.
 *
 * @param model the name of the model
 * @param prompts the prompts
 * @param suffix the text after the answer, which fills the gap; empty for none
 * @param parameters the generation parameters
 * @param format the format of answers; null for any
 * @param echo if true, an answer begins with its prompt
 * @param logProbabilities as {@link GenerationRequest#logProbabilities}
 * @param bestOf the number of generated answers per prompt; the most likely are returned
 * @param stream if true, the response is streamed
 * @param usage which chunks of a stream report the usage
 * @param responder creates the response
 */
public record CompletionRequest(
    String model,
    List<Prompt> prompts,
    String suffix,
    GenerationParameters parameters,
    @Nullable AnswerFormat format,
    boolean echo,
    int logProbabilities,
    int bestOf,
    boolean stream,
    StreamUsage usage,
    Responder responder)
    implements ApiRequest {

  /** Creates responses in the format of a route. */
  @FunctionalInterface
  public interface Responder {
    /**
     * Creates the response to a request.
     *
     * @param prompts the tokens of the prompts
     */
    ApiResponse respond(CompletionRequest request, ServedModel served, List<int[]> prompts);
  }

  /** Default tokens of an answer, as in OpenAI's API. */
  private static final int DEFAULT_TOKENS = 16;

  /** Reads a request. */
  public static CompletionRequest read(JsonFields fields, RequestLimits limits, String tenant) {
    return read(fields, limits, tenant, CompletionResponse::of);
  }

  /**
   * Reads a request that was translated from another API.
   *
   * @param responder creates the response
   */
  public static CompletionRequest read(
      JsonFields fields, RequestLimits limits, String tenant, Responder responder) {
    String model = fields.required("model").string();
    List<Prompt> prompts = Prompt.read(fields.required("prompt"), limits.choices());
    int tokens = Math.min(DEFAULT_TOKENS, limits.tokens());
    GenerationParameters parameters =
        GenerationParameters.read(
            fields, LlamaOutput.tokens(fields, tokens, limits), limits, tenant);
    boolean stream = fields.bool("stream", false);
    var request =
        new CompletionRequest(
            model,
            prompts,
            fields.string("suffix", ""),
            parameters,
            AnswerFormat.read(fields),
            fields.bool("echo", false),
            fields.integer("logprobs", -1, 0, GenerationRequest.MAX_TOP),
            fields.integer("best_of", parameters.choices(), parameters.choices(), limits.choices()),
            stream,
            StreamUsage.read(fields, stream),
            responder);
    fields.end();
    request.check(limits);
    return request;
  }

  private void check(RequestLimits limits) {
    if (stream && bestOf > parameters.choices()) {
      throw ApiException.invalid("best_of", Integer.toString(bestOf), "must equal n in a stream");
    }
    if (parameters.template().beams() != null && bestOf > parameters.choices()) {
      throw ApiException.invalid("best_of", Integer.toString(bestOf), "must equal n with beams");
    }
    if (echo && !suffix.isEmpty()) {
      throw ApiException.unsupported("echo", "not supported with suffix");
    }
    if (stream && echo && logProbabilities >= 0) {
      throw ApiException.unsupported("echo", "not supported in a stream with logprobs");
    }
    if ((long) prompts.size() * bestOf > limits.choices()) {
      throw ApiException.invalid(
          "prompt",
          "%s prompts with %s answers each exceed the limit of %s"
              .formatted(prompts.size(), bestOf, limits.choices()));
    }
  }

  @Override
  public @Nullable AnswerFormat format(ServedModel served) {
    return format;
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
  public List<int[]> encode(ServedModel served) {
    if (suffix.isEmpty()) {
      return prompts.stream().map(prompt -> prompt.encode(served.tokenizer())).toList();
    }
    FillInMiddle code = served.fillInMiddle("suffix");
    return prompts.stream()
        .map(prompt -> code.prompt(prompt.requireText("suffix"), suffix))
        .toList();
  }

  @Override
  public GenerationRequest.Builder configure(GenerationRequest.Builder request) {
    boolean ranked = bestOf > parameters.choices();
    return request
        .logProbabilities(ranked ? Math.max(0, logProbabilities) : logProbabilities)
        .promptLogProbabilities(echo ? logProbabilities : -1);
  }

  @Override
  public ApiResponse respond(ServedModel served, List<int[]> prompts) {
    return responder.respond(this, served, prompts);
  }
}
