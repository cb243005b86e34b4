package dev.vidrio.server.completion;

import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.server.generation.AnswerFormat;
import dev.vidrio.server.generation.ApiRequest;
import dev.vidrio.server.generation.ApiResponse;
import dev.vidrio.server.generation.GenerationParameters;
import dev.vidrio.server.generation.RequestLimits;
import dev.vidrio.server.http.ApiException;
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
 * @param model the name of the model
 * @param prefix the text before the gap, with {@code prompt} at its end
 * @param suffix the text after the gap
 * @param repository the files of {@code input_extra}
 * @param parameters the generation parameters
 * @param format the format of the answer; null for any
 * @param stream if true, the response is streamed
 * @param responseFields the fields of the response, such as {@code timings/prompt_n}; empty for all
 */
public record InfillRequest(
    String model,
    String prefix,
    String suffix,
    Repository repository,
    GenerationParameters parameters,
    @Nullable AnswerFormat format,
    boolean stream,
    List<String> responseFields)
    implements ApiRequest {

  private static final int MAX_FILES = 1024;
  private static final int MAX_RESPONSE_FIELDS = 64;

  // The names that llama.cpp writes.
  private static final String REPOSITORY = "myproject";
  private static final String FILE = "filename";
  private static final String UNNAMED = "tmp";

  /** Reads a request. */
  public static InfillRequest read(JsonFields fields, RequestLimits limits, String tenant) {
    GenerationParameters parameters =
        GenerationParameters.read(fields, tokens(fields, limits), limits, tenant);
    if (parameters.choices() > 1) {
      throw ApiException.unsupported("n", "not supported; /infill has one answer");
    }
    if (parameters.template().options().receipt()) {
      throw ApiException.unsupported("receipt", "not supported in /infill");
    }
    ignoreUnused(fields);
    var request =
        new InfillRequest(
            fields.required("model").string(),
            fields.required("input_prefix").string() + fields.string("prompt", ""),
            fields.required("input_suffix").string(),
            new Repository(REPOSITORY, files(fields), FILE),
            parameters,
            AnswerFormat.read(fields),
            fields.bool("stream", false),
            fields.strings("response_fields", MAX_RESPONSE_FIELDS));
    fields.end();
    return request;
  }

  /** Reads llama.cpp's {@code n_predict}, in which -1 is the limit, or {@code max_tokens}. */
  private static int tokens(JsonFields fields, RequestLimits limits) {
    JsonValue value = fields.value("n_predict");
    if (value == null) {
      return fields.integer("max_tokens", limits.tokens(), 0, limits.tokens());
    }
    fields.reject("max_tokens", "conflicts with n_predict");
    int tokens = value.integer(-1, limits.tokens());
    return tokens < 0 ? limits.tokens() : tokens;
  }

  /** Reads the fields by which llama.cpp's editors tune that server. */
  private static void ignoreUnused(JsonFields fields) {
    var _ = fields.integer("id_slot", 0, -1, Integer.MAX_VALUE);
    for (String name : List.of("n_indent", "t_max_prompt_ms", "t_max_predict_ms")) {
      var _ = fields.integer(name, 0, -1, Integer.MAX_VALUE);
    }
    var _ = fields.strings("samplers", MAX_RESPONSE_FIELDS);
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
    return request;
  }

  @Override
  public ApiResponse respond(ServedModel served, List<int[]> prompts) {
    return new InfillResponse(this, served.tokenizer(), prompts.getFirst());
  }
}
