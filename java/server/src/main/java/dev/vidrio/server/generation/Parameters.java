package dev.vidrio.server.generation;

import dev.vidrio.engine.generation.BeamOptions;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.model.GenerationOptions;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.Fields;
import dev.vidrio.server.http.Value;
import dev.vidrio.server.lens.Steering;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * What a request says of how text is generated, on whatever route. What it leaves open is as
 * OpenAI's API has it: temperature 1, every token, another seed each time.
 *
 * @param options all but the grammar
 * @param format what an answer must be; null where it may be anything
 * @param choices answers to each prompt
 */
public record Parameters(
    GenerationOptions options,
    @Nullable AnswerFormat format,
    int choices,
    int minTokens,
    Set<Integer> stopTokens,
    int priority,
    Duration timeout,
    String cacheSalt,
    int draftTokens,
    Steering steering,
    @Nullable BeamOptions beams) {

  private static final int MAX_BEAMS = 1024;
  private static final int MAX_STOPS = 16;
  private static final int MAX_SALT = 256;
  private static final int MAX_WINDOW = 1 << 16;

  /** Seeds that JSON's numbers hold exactly. */
  private static final long SEEDS = 1L << 53;

  /**
   * Reads the fields that all routes share.
   *
   * @param tokens the number of tokens at most
   * @param tenant who asks: prefixes are shared with nobody else
   */
  public static Parameters read(Fields fields, int tokens, RequestLimits limits, String tenant) {
    refuseUnused(fields);
    BeamOptions beams = beams(fields);
    GenerationOptions options =
        GenerationOptions.DEFAULT
            .withTokens(tokens)
            .withSampling(sampling(fields, beams == null ? 1 : 0))
            .withStop(fields.strings("stop", MAX_STOPS).toArray(String[]::new))
            .withIgnoreEnd(fields.bool("ignore_eos", false));
    double seconds = limits.time().toMillis() / 1e3;
    String salt = fields.string("cache_salt", "");
    if (salt.length() > MAX_SALT) {
      throw ApiException.invalid("cache_salt", "cache_salt: must have at most 256 characters");
    }
    return new Parameters(
        options,
        AnswerFormat.read(fields),
        fields.integer("n", 1, 1, limits.choices()),
        fields.integer("min_tokens", 0, 0, tokens),
        stopTokens(fields),
        fields.integer("priority", 0, -100, 100),
        Duration.ofMillis(Math.round(1e3 * fields.number("timeout", seconds, 1e-3, seconds))),
        tenant + "/" + salt,
        fields.integer("draft_tokens", -1, 0, 16),
        Steering.read(fields.value("vidrio")),
        beams);
  }

  private static @Nullable BeamOptions beams(Fields fields) {
    Value beams = fields.value("beams");
    Value lengthPenalty = fields.value("length_penalty");
    if (beams == null) {
      if (lengthPenalty != null && lengthPenalty.number(-100, 100) != 1) {
        throw ApiException.invalid("length_penalty", "length_penalty: needs beams");
      }
      return null;
    }
    if (fields.bool("stream", false)) {
      throw ApiException.unsupported(
          "stream", "stream: with beams no token is known before the search has ended");
    }
    BeamOptions options = BeamOptions.of(beams.integer(1, MAX_BEAMS));
    return lengthPenalty == null
        ? options
        : options.withLengthPenalty(lengthPenalty.number(-100, 100));
  }

  /**
   * Fields that are about OpenAI's service, and those of other servers by which a client asks for
   * what is done here anyway: they change nothing here, or must not.
   */
  private static void refuseUnused(Fields fields) {
    fields.unused("user", "safety_identifier", "prompt_cache_key");
    var _ = fields.oneOf("prompt_cache_retention", "in_memory", "in_memory");
    fields.only("add_generation_prompt", true);
    fields.only("continue_final_message", false);
    fields.only("skip_special_tokens", true);
    fields.only("spaces_between_special_tokens", true);
    fields.only("include_stop_str_in_output", false);
    fields.only("use_beam_search", false);
    fields.only("cache_prompt", true);
    Value metadata = fields.value("metadata");
    if (metadata != null) {
      Fields pairs = metadata.fields();
      metadata.node().propertyNames().forEach(pairs::unused);
    }
    if (fields.bool("store", false)) {
      throw ApiException.unsupported("store", "store: nothing is stored here");
    }
    var _ = fields.oneOf("service_tier", "auto", "auto", "default");
  }

  private static SamplingOptions sampling(Fields fields, double temperature) {
    Value seed = fields.value("seed");
    Value whole = fields.value("repetition_penalty");
    if (whole != null) {
      fields.refuse("repeat_penalty", "is repetition_penalty, which is there too");
    }
    double repeatPenalty =
        whole == null ? fields.number("repeat_penalty", 1, 1e-3, 1e3) : whole.number(1e-3, 1e3);
    return SamplingOptions.builder()
        .temperature(fields.number("temperature", temperature, 0, 2))
        .topP(fields.number("top_p", 1, 0, 1))
        .topK(Math.max(0, fields.integer("top_k", 0, -1, Integer.MAX_VALUE)))
        .minP(fields.number("min_p", 0, 0, 1))
        .repeatPenalty(repeatPenalty)
        .penaltyWindow(
            fields.integer("repeat_last_n", whole == null ? 64 : MAX_WINDOW, 0, MAX_WINDOW))
        .frequencyPenalty(fields.number("frequency_penalty", 0, -2, 2))
        .presencePenalty(fields.number("presence_penalty", 0, -2, 2))
        .logitBias(logitBias(fields.value("logit_bias")))
        .seed(
            seed == null
                ? ThreadLocalRandom.current().nextLong(SEEDS)
                : seed.integer(Long.MIN_VALUE, Long.MAX_VALUE))
        .build();
  }

  private static Map<Integer, Float> logitBias(@Nullable Value value) {
    Map<Integer, Float> biases = new HashMap<>();
    if (value == null) {
      return biases;
    }
    if (!value.node().isObject()) {
      throw value.error("must be an object of token ids and numbers");
    }
    for (Map.Entry<String, JsonNode> entry : value.node().properties()) {
      String path = value.path() + "." + entry.getKey();
      if (!entry.getKey().matches("\\d{1,9}")) {
        throw ApiException.invalid(path, path + ": the name must be a token id");
      }
      double bias = new Value(path, entry.getValue()).number(-100, 100);
      biases.put(Integer.valueOf(entry.getKey()), (float) bias);
    }
    return biases;
  }

  private static Set<Integer> stopTokens(Fields fields) {
    Value value = fields.value("stop_token_ids");
    Set<Integer> tokens = new HashSet<>();
    if (value != null) {
      for (int id : value.tokens()) {
        tokens.add(id);
      }
    }
    return tokens;
  }

  /** The same for answers that must be of another form, or need not where it is null. */
  public Parameters withFormat(@Nullable AnswerFormat other) {
    return new Parameters(
        options,
        other,
        choices,
        minTokens,
        stopTokens,
        priority,
        timeout,
        cacheSalt,
        draftTokens,
        steering,
        beams);
  }

  /** Compiles what an answer must be; null where it may be anything. */
  @Nullable Grammar grammar() {
    return format == null ? null : format.grammar();
  }

  /**
   * A request to the engine, without a grammar.
   *
   * @param logProbabilities as {@link GenerationRequest#logProbabilities}
   * @param promptLogProbabilities the same for the prompt
   */
  public GenerationRequest request(int[] prompt, int logProbabilities, int promptLogProbabilities) {
    return GenerationRequest.builder(prompt)
        .options(options)
        .stopTokens(stopTokens)
        .minTokens(minTokens)
        .logProbabilities(logProbabilities)
        .promptLogProbabilities(promptLogProbabilities)
        .priority(priority)
        .timeout(timeout)
        .cacheSalt(cacheSalt)
        .draftTokens(draftTokens)
        .beams(beams)
        .build();
  }

  /** The most important of them, with what was left open filled in, for a header. */
  public String summary() {
    SamplingOptions sampling = options.sampling();
    return String.join(
        ", ",
        List.of(
            "temperature=" + plain(sampling.temperature()),
            "top_p=" + plain(sampling.topP()),
            "top_k=" + sampling.topK(),
            "min_p=" + plain(sampling.minP()),
            "seed=" + sampling.seed(),
            "max_tokens=" + options.tokens(),
            "timeout=" + plain(timeout.toMillis() / 1e3)));
  }

  private static String plain(double value) {
    return value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
  }
}
