package dev.vidrio.server.completion;

import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.server.generation.AnswerFormat;
import dev.vidrio.server.generation.ApiRequest;
import dev.vidrio.server.generation.ApiResponse;
import dev.vidrio.server.generation.GenerationParameters;
import dev.vidrio.server.generation.RequestLimits;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.model.ServedModel;
import dev.vidrio.server.prompt.Prompt;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A request of {@code /completion}, llama.cpp's own route: continues prompts.
 *
 * @param prompts the prompts, each with one answer
 * @param parameters the generation parameters
 * @param format the format of answers; null for any
 * @param output the wanted parts of the response
 */
public record LlamaCompletionRequest(
    List<Prompt> prompts,
    GenerationParameters parameters,
    @Nullable AnswerFormat format,
    LlamaOutput output)
    implements ApiRequest {

  /** Reads a request. */
  public static LlamaCompletionRequest read(
      JsonFields fields, RequestLimits limits, String tenant) {
    GenerationParameters parameters =
        GenerationParameters.read(
            fields, LlamaOutput.tokens(fields, limits.tokens(), limits), limits, tenant);
    LlamaOutput.requirePlainAnswer(parameters, "/completion");
    var request =
        new LlamaCompletionRequest(
            Prompt.readMixed(fields.required("prompt"), limits.choices()),
            parameters,
            AnswerFormat.read(fields),
            LlamaOutput.read(fields));
    fields.end();
    return request;
  }

  @Override
  public String model() {
    return output.model();
  }

  @Override
  public boolean stream() {
    return output.stream();
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
  public String promptField() {
    return "prompt";
  }

  @Override
  public String promptField(int index) {
    return prompts.get(index).path();
  }

  @Override
  public List<int[]> encode(ServedModel served) {
    return prompts.stream().map(prompt -> prompt.encode(served.tokenizer())).toList();
  }

  @Override
  public GenerationRequest.Builder configure(GenerationRequest.Builder request) {
    return request.logProbabilities(output.logProbabilities());
  }

  @Override
  public ApiResponse respond(ServedModel served, List<int[]> prompts) {
    return new LlamaResponse(output, parameters, served.tokenizer(), prompts);
  }
}
