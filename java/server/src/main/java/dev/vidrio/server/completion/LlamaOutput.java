package dev.vidrio.server.completion;

import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.server.generation.GenerationParameters;
import dev.vidrio.server.generation.RequestLimits;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonValue;
import java.util.List;

/**
 * The fields that llama.cpp's own routes share, other than the parameters of generation.
 *
 * @param model the name of the model
 * @param stream if true, the response is streamed
 * @param responseFields the fields of the response, such as {@code timings/prompt_n}; empty for all
 * @param returnTokens if true, the response has the token ids of the answer
 * @param probabilities the number of most likely tokens that are reported with each token; 0 for
 *     none
 */
record LlamaOutput(
    String model,
    boolean stream,
    List<String> responseFields,
    boolean returnTokens,
    int probabilities) {

  private static final int MAX_RESPONSE_FIELDS = 64;

  /** Reads the fields, and those by which llama.cpp's editors tune that server. */
  static LlamaOutput read(JsonFields fields) {
    for (String name : List.of("n_indent", "t_max_prompt_ms", "t_max_predict_ms")) {
      var _ = fields.integer(name, 0, -1, Integer.MAX_VALUE);
    }
    var _ = fields.strings("samplers", MAX_RESPONSE_FIELDS);
    fields.requireValue("post_sampling_probs", false);
    return new LlamaOutput(
        fields.required("model").string(),
        fields.bool("stream", false),
        fields.strings("response_fields", MAX_RESPONSE_FIELDS),
        fields.bool("return_tokens", false),
        fields.integer("n_probs", 0, 0, GenerationRequest.MAX_TOP));
  }

  /**
   * Reads llama.cpp's {@code n_predict}, in which -1 is the limit, or {@code max_tokens}.
   *
   * @param absent the number of tokens if both are absent
   */
  static int tokens(JsonFields fields, int absent, RequestLimits limits) {
    JsonValue value = fields.value("n_predict");
    if (value == null) {
      return fields.integer("max_tokens", absent, 0, limits.tokens());
    }
    fields.reject("max_tokens", "conflicts with n_predict");
    int tokens = value.integer(-1, limits.tokens());
    return tokens < 0 ? limits.tokens() : tokens;
  }

  /** Rejects several answers per prompt, and receipts. */
  static void requirePlainAnswer(GenerationParameters parameters, String route) {
    if (parameters.choices() > 1) {
      throw ApiException.unsupported("n", "not supported; " + route + " has one answer");
    }
    if (parameters.template().options().receipt()) {
      throw ApiException.unsupported("receipt", "not supported in " + route);
    }
  }

  /** Returns the number of log-probabilities, as {@link GenerationRequest#logProbabilities}. */
  int logProbabilities() {
    return probabilities == 0 ? -1 : probabilities;
  }
}
