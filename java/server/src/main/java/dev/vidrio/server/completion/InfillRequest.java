package dev.vidrio.server.completion;

import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.server.generation.AnswerFormat;
import dev.vidrio.server.generation.ApiRequest;
import dev.vidrio.server.generation.ApiResponse;
import dev.vidrio.server.generation.GenerationParameters;
import dev.vidrio.server.generation.RequestLimits;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonValue;
import dev.vidrio.server.model.ServedModel;
import dev.vidrio.tokenizer.FillInMiddle.Repository;
import dev.vidrio.tokenizer.FillInMiddle.SourceFile;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A request of {@code /infill}, llama.cpp's route for editors: the text between {@code
 * input_prefix} and {@code input_suffix}.
 *
 * @param prefix the text before the gap, with {@code prompt} at its end
 * @param suffix the text after the gap
 * @param repository the files of {@code input_extra}
 * @param parameters the generation parameters
 * @param format the format of the answer; null for any
 * @param output the wanted parts of the response
 */
public record InfillRequest(
    String prefix,
    String suffix,
    Repository repository,
    GenerationParameters parameters,
    @Nullable AnswerFormat format,
    LlamaOutput output)
    implements ApiRequest {

  private static final int MAX_FILES = 1024;

  // The names that llama.cpp writes.
  private static final String REPOSITORY = "myproject";
  private static final String FILE = "filename";
  private static final String UNNAMED = "tmp";

  /** Reads a request. */
  public static InfillRequest read(JsonFields fields, RequestLimits limits, String tenant) {
    GenerationParameters parameters =
        GenerationParameters.read(
            fields, LlamaOutput.tokens(fields, limits.tokens(), limits), limits, tenant);
    LlamaOutput.requirePlainAnswer(parameters, "/infill");
    var request =
        new InfillRequest(
            fields.required("input_prefix").string() + fields.string("prompt", ""),
            fields.required("input_suffix").string(),
            new Repository(REPOSITORY, files(fields), FILE),
            parameters,
            AnswerFormat.read(fields),
            LlamaOutput.read(fields));
    fields.end();
    return request;
  }

  private static List<SourceFile> files(JsonFields fields) {
    List<SourceFile> files = new ArrayList<>();
    JsonValue extra = fields.value("input_extra");
    if (extra != null) {
      for (JsonValue element : extra.elements(0, MAX_FILES)) {
        JsonFields file = element.fields();
        String text = file.required("text").string();
        files.add(new SourceFile(file.string("filename", UNNAMED), text));
        var _ = file.optional("time", time -> time.integer(Long.MIN_VALUE, Long.MAX_VALUE));
        file.end();
      }
    }
    return files;
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
  public String promptField() {
    return "input_prefix";
  }

  @Override
  public List<int[]> encode(ServedModel served) {
    return List.of(served.fillInMiddle("input_suffix").prompt(repository, prefix, suffix));
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
