package dev.vidrio.server.ollama;

import dev.vidrio.server.generation.Translation;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonValue;
import org.jspecify.annotations.Nullable;

/** Translates {@code options} to the generation parameters of OpenAI's API. */
final class OllamaOptions {
  /** {@code repeat_last_n} -1: the whole context. */
  private static final int WHOLE_CONTEXT = 1 << 16;

  private static final String[] LOAD_NUMBERS = {
    "num_batch", "num_gpu", "main_gpu", "num_thread", "num_keep"
  };
  private static final String[] LOAD_SWITCHES = {
    "numa",
    "low_vram",
    "f16_kv",
    "logits_all",
    "vocab_only",
    "use_mmap",
    "use_mlock",
    "embedding_only",
    "penalize_newline"
  };

  private OllamaOptions() {}

  /**
   * Adds the parameters of a request, with Ollama's defaults.
   *
   * @param value the field {@code options}, or null
   * @param positions the context length of the engine
   * @param tokens maximum tokens of an answer
   */
  static void read(Translation request, @Nullable JsonValue value, int positions, int tokens) {
    request
        .with("temperature", "options.temperature", 0.8)
        .with("top_k", "options.top_k", 40)
        .with("top_p", "options.top_p", 0.9)
        .with("repeat_penalty", "options.repeat_penalty", 1.1)
        .with("max_tokens", "options.num_predict", tokens);
    if (value == null) {
      return;
    }
    JsonFields options = value.fields();
    request.withSame(
        options,
        "temperature",
        "top_k",
        "top_p",
        "min_p",
        "repeat_penalty",
        "presence_penalty",
        "frequency_penalty",
        "stop");
    JsonValue seed = options.value("seed");
    if (seed != null && seed.integer(Long.MIN_VALUE, Long.MAX_VALUE) != -1) {
      request.with("seed", seed);
    }
    JsonValue predict = options.value("num_predict");
    // -1 and -2: no limit
    if (predict != null && predict.integer(-2, tokens) > 0) {
      request.with("max_tokens", predict);
    } else if (predict != null && predict.integer(-2, tokens) == 0) {
      throw predict.error("must be -1 or an integer from 1 to " + tokens);
    }
    JsonValue last = options.value("repeat_last_n");
    if (last != null && last.integer(-1, WHOLE_CONTEXT) == -1) {
      request.with("repeat_last_n", last.path(), WHOLE_CONTEXT);
    } else {
      request.with("repeat_last_n", last);
    }
    // The engine's context is fixed, and so not reduced for a request.
    var _ = options.integer("num_ctx", positions, 1, positions);
    rejectOtherSamplers(options);
    readLoadOptions(options);
    options.end();
  }

  private static void rejectOtherSamplers(JsonFields options) {
    requireOff(options, "typical_p", 1);
    requireOff(options, "tfs_z", 1);
    requireOff(options, "mirostat", 0);
    var _ = options.number("mirostat_tau", 5, 0, 1e3);
    var _ = options.number("mirostat_eta", 0.1, 0, 1e3);
  }

  private static void requireOff(JsonFields options, String name, double off) {
    JsonValue value = options.value(name);
    if (value != null && value.number(-1e9, 1e9) != off) {
      throw value.error("not supported; must be " + (int) off);
    }
  }

  /** Reads the options that have no effect, since the engine has its own settings. */
  static void readLoadOptions(JsonFields options) {
    for (String name : LOAD_NUMBERS) {
      var _ = options.integer(name, 0, Integer.MIN_VALUE, Integer.MAX_VALUE);
    }
    for (String name : LOAD_SWITCHES) {
      var _ = options.bool(name, false);
    }
  }
}
