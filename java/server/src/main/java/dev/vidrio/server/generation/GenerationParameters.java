package dev.vidrio.server.generation;

import dev.vidrio.engine.generation.BeamOptions;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.sampling.DryOptions;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonValue;
import dev.vidrio.server.lens.Steering;
import dev.vidrio.tokenizer.EncodeOptions;
import dev.vidrio.tokenizer.Tokenizer;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The generation parameters that all routes share. Defaults are those of OpenAI's API: temperature
 * 1, no truncation of the distribution, a random seed.
 *
 * @param template a request without a prompt and a grammar
 * @param choices the number of answers per prompt
 * @param biases biases of the tokens of texts, besides those of token ids
 * @param steering directions that are added to activations
 */
public record GenerationParameters(
    GenerationRequest template, int choices, Map<String, Float> biases, Steering steering) {

  private static final int MAX_BEAMS = 1024;
  private static final EncodeOptions PLAIN = new EncodeOptions(false, false);
  private static final int MAX_STOPS = 16;
  private static final int MAX_SALT = 256;
  private static final int MAX_BREAKERS = 64;
  private static final int MAX_WINDOW = 1 << 16;

  /** Random seeds are below this, so that JSON numbers represent them exactly. */
  private static final long SEEDS = 1L << 53;

  /**
   * Reads the fields that all routes share.
   *
   * @param tokens maximum tokens of an answer
   * @param tenant the tenant of the request, which shares cached prefixes with no other
   */
  public static GenerationParameters read(
      JsonFields fields, int tokens, RequestLimits limits, String tenant) {
    rejectUnused(fields);
    BeamOptions beams = beams(fields);
    LogitBiases biases = LogitBiases.read(fields.value("logit_bias"));
    GenerationOptions options =
        GenerationOptions.DEFAULT
            .withTokens(tokens)
            .withSampling(sampling(fields, beams == null ? 1 : 0, biases))
            .withStop(fields.strings("stop", MAX_STOPS).toArray(String[]::new))
            .withIgnoreEnd(fields.bool("ignore_eos", false))
            .withReceipt(fields.bool("receipt", false));
    double seconds = limits.time().toMillis() / 1e3;
    GenerationRequest template =
        GenerationRequest.builder()
            .options(options)
            .minTokens(fields.integer("min_tokens", 0, 0, tokens))
            .stopTokens(stopTokens(fields))
            .priority(fields.integer("priority", 0, -100, 100))
            .timeout(
                Duration.ofMillis(
                    Math.round(1e3 * fields.number("timeout", seconds, 1e-3, seconds))))
            .cacheSalt(cacheSalt(fields, tenant))
            .draftTokens(fields.integer("draft_tokens", -1, 0, 16))
            .beams(beams)
            .build();
    return new GenerationParameters(
        template,
        fields.integer("n", 1, 1, limits.choices()),
        biases.ofTexts(),
        Steering.read(fields.value("vidrio")));
  }

  /** Returns the salt of cached prefixes: a unique one if the request asks for none. */
  private static String cacheSalt(JsonFields fields, String tenant) {
    String salt = fields.string("cache_salt", "");
    if (salt.length() > MAX_SALT) {
      throw ApiException.invalid("cache_salt", "must have at most 256 characters");
    }
    if (!fields.bool("cache_prompt", true)) {
      return tenant + "/uncached/" + UUID.randomUUID();
    }
    return tenant.isEmpty() && salt.isEmpty() ? "" : tenant + "/" + salt;
  }

  private static @Nullable BeamOptions beams(JsonFields fields) {
    JsonValue beams = fields.value("beams");
    JsonValue lengthPenalty = fields.value("length_penalty");
    if (beams == null) {
      if (lengthPenalty != null && lengthPenalty.number(-100, 100) != 1) {
        throw ApiException.invalid("length_penalty", "needs beams");
      }
      return null;
    }
    if (fields.bool("stream", false)) {
      throw ApiException.unsupported("stream", "not supported with beams");
    }
    BeamOptions options = BeamOptions.of(beams.integer(1, MAX_BEAMS));
    return lengthPenalty == null
        ? options
        : options.withLengthPenalty(lengthPenalty.number(-100, 100));
  }

  /**
   * Reads fields that have no effect on this server, and rejects values that ask for a behavior
   * that is not supported.
   */
  private static void rejectUnused(JsonFields fields) {
    fields.ignore("user", "safety_identifier", "prompt_cache_key");
    var _ = fields.oneOf("prompt_cache_retention", "in_memory", "in_memory");
    fields.requireValue("add_generation_prompt", true);
    fields.requireValue("continue_final_message", false);
    fields.requireValue("skip_special_tokens", true);
    fields.requireValue("spaces_between_special_tokens", true);
    fields.requireValue("include_stop_str_in_output", false);
    fields.requireValue("use_beam_search", false);
    // A slot of llama.cpp, which this server does not have.
    var _ = fields.integer("id_slot", 0, -1, Integer.MAX_VALUE);
    JsonValue metadata = fields.value("metadata");
    if (metadata != null) {
      JsonFields pairs = metadata.fields();
      metadata.node().propertyNames().forEach(pairs::ignore);
    }
    if (fields.bool("store", false)) {
      throw ApiException.unsupported("store", "not supported; the server is stateless");
    }
    var _ = fields.oneOf("service_tier", "auto", "auto", "default");
  }

  private static SamplingOptions sampling(
      JsonFields fields, double temperature, LogitBiases biases) {
    JsonValue seed = fields.value("seed");
    JsonValue whole = fields.value("repetition_penalty");
    if (whole != null) {
      fields.reject("repeat_penalty", "conflicts with repetition_penalty");
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
        .dry(dry(fields))
        .topNSigma(Math.max(0, fields.number("top_n_sigma", -1, -1, 1e3)))
        .xtc(fields.number("xtc_probability", 0, 0, 1), fields.number("xtc_threshold", 0.1, 0, 1))
        .logitBias(biases.ofTokens())
        .seed(
            seed == null
                ? ThreadLocalRandom.current().nextLong(SEEDS)
                : seed.integer(Long.MIN_VALUE, Long.MAX_VALUE))
        .build();
  }

  private static DryOptions dry(JsonFields fields) {
    DryOptions off = DryOptions.OFF;
    JsonValue breakers = fields.value("dry_sequence_breakers");
    List<String> texts = off.breakers();
    if (breakers != null) {
      texts = breakers.elements(1, MAX_BREAKERS).stream().map(JsonValue::string).toList();
    }
    try {
      return new DryOptions(
          fields.number("dry_multiplier", 0, 0, 1e3),
          fields.number("dry_base", off.base(), 1, 1e3),
          fields.integer("dry_allowed_length", off.allowedLength(), 0, MAX_WINDOW),
          fields.integer("dry_penalty_last_n", off.window(), 0, MAX_WINDOW),
          texts);
    } catch (InvalidInputException e) {
      throw ApiException.invalid(fields.path("dry_sequence_breakers"), e.value(), e.limit());
    }
  }

  private static Set<Integer> stopTokens(JsonFields fields) {
    JsonValue value = fields.value("stop_token_ids");
    return value == null
        ? Set.of()
        : IntStream.of(value.tokens()).boxed().collect(Collectors.toSet());
  }

  /**
   * Returns a builder of the engine's request for a prompt, with a grammar or null for any answer.
   */
  public GenerationRequest.Builder request(
      int[] prompt, @Nullable Grammar grammar, Tokenizer tokenizer) {
    GenerationOptions options = template.options().withGrammar(grammar);
    if (!biases.isEmpty()) {
      options = options.withSampling(withBiases(options.sampling(), tokenizer));
    }
    return template.toBuilder().prompt(prompt).options(options);
  }

  /** Adds the biases of texts to all of their tokens. */
  private SamplingOptions withBiases(SamplingOptions sampling, Tokenizer tokenizer) {
    Map<Integer, Float> all = new HashMap<>(sampling.logitBias());
    biases.forEach(
        (text, bias) -> {
          for (int id : tokenizer.encode(text, PLAIN)) {
            all.put(id, bias);
          }
        });
    return sampling.toBuilder().logitBias(all).build();
  }

  /** Returns the main parameters with their defaults, for a response header. */
  public String summary() {
    SamplingOptions sampling = template.options().sampling();
    Duration timeout = Objects.requireNonNull(template.timeout());
    return String.join(
        ", ",
        List.of(
            "temperature=" + plain(sampling.temperature()),
            "top_p=" + plain(sampling.topP()),
            "top_k=" + sampling.topK(),
            "min_p=" + plain(sampling.minP()),
            "seed=" + sampling.seed(),
            "max_tokens=" + template.options().tokens(),
            "timeout=" + plain(timeout.toMillis() / 1e3)));
  }

  private static String plain(double value) {
    return value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
  }
}
