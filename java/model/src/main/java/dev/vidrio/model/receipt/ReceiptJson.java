package dev.vidrio.model.receipt;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.host.Sha256;
import dev.vidrio.kernel.op.Arithmetic;
import dev.vidrio.model.sampling.DryOptions;
import dev.vidrio.model.sampling.SamplingOptions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Reads and writes receipts as JSON. Reading is strict: every field is required and checked. */
final class ReceiptJson {
  private static final Set<String> FINISHES =
      Set.of("stop", "length", "context", "canceled", "timeout");

  private static final int MAX_TEXT = 1 << 16;
  private static final int MAX_STOPS = 1 << 10;

  private ReceiptJson() {}

  static Map<String, @Nullable Object> write(Receipt receipt) {
    Map<String, @Nullable Object> tree = new LinkedHashMap<>();
    tree.put("receipt", Receipt.FORMAT);
    tree.put("vidrio", receipt.vidrio());
    tree.put("model", pairs("name", receipt.model().name(), "sha256", receipt.model().sha256()));
    Receipt.Adapted adapter = receipt.adapter();
    tree.put(
        "adapter",
        adapter == null ? null : pairs("sha256", adapter.sha256(), "strength", adapter.strength()));
    Receipt.Computation arithmetic = receipt.arithmetic();
    tree.put(
        "arithmetic",
        pairs(
            "version",
            arithmetic.version(),
            "products",
            arithmetic.products().label(),
            "cache",
            arithmetic.cache().name().toLowerCase(Locale.ROOT),
            "long_context",
            arithmetic.longContext()));
    tree.put("sampling", sampling(receipt.sampling()));
    Receipt.Stop stop = receipt.stop();
    tree.put(
        "stop",
        pairs(
            "tokens",
            stop.tokens(),
            "min_tokens",
            stop.minTokens(),
            "strings",
            stop.strings(),
            "token_ids",
            stop.tokenIds(),
            "ignore_eos",
            stop.ignoreEnd()));
    tree.put("grammar", receipt.grammar());
    tree.put("prompt", receipt.prompt());
    tree.put("answer", receipt.answer());
    tree.put("end_token", receipt.endToken());
    tree.put("finish", receipt.finish());
    tree.put("logits", receipt.logits().stream().map(HexFormat.of()::toHexDigits).toList());
    tree.put("chain", receipt.chain());
    return tree;
  }

  private static Map<String, Object> sampling(SamplingOptions sampling) {
    return pairs(
        "temperature",
        sampling.temperature(),
        "top_k",
        sampling.topK(),
        "top_p",
        sampling.topP(),
        "min_p",
        sampling.minP(),
        "repeat_penalty",
        sampling.repeatPenalty(),
        "frequency_penalty",
        sampling.frequencyPenalty(),
        "presence_penalty",
        sampling.presencePenalty(),
        "repeat_last_n",
        sampling.penaltyWindow(),
        "dry",
        dry(sampling.dry()),
        "top_n_sigma",
        sampling.topNSigma(),
        "xtc_probability",
        sampling.xtcProbability(),
        "xtc_threshold",
        sampling.xtcThreshold(),
        "logit_bias",
        new TreeMap<>(sampling.logitBias()),
        "seed",
        sampling.seed());
  }

  private static Map<String, Object> dry(DryOptions dry) {
    return pairs(
        "multiplier",
        dry.multiplier(),
        "base",
        dry.base(),
        "allowed_length",
        dry.allowedLength(),
        "last_n",
        dry.window(),
        "breakers",
        dry.breakers());
  }

  private static Map<String, Object> pairs(Object... namesAndValues) {
    Map<String, Object> object = new LinkedHashMap<>();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      object.put((String) namesAndValues[i], namesAndValues[i + 1]);
    }
    return object;
  }

  static String text(Receipt receipt) {
    return write(receipt).entrySet().stream()
        .map(
            field ->
                "  \"%s\": %s"
                    .formatted(
                        field.getKey(), JsonMapper.shared().writeValueAsString(field.getValue())))
        .collect(Collectors.joining(",\n", "{\n", "\n}\n"));
  }

  static Receipt read(String file, JsonNode json) {
    Fields all = new Fields(file, "", json);
    all.integer("receipt", Receipt.FORMAT, Receipt.FORMAT);
    Fields model = all.object("model");
    Fields arithmetic = all.object("arithmetic");
    Fields stop = all.object("stop");
    List<Integer> answer = all.ids("answer");
    @Nullable Integer end = all.isNull("end_token") ? null : all.id("end_token");
    List<Long> logits = all.logits();
    int steps = answer.size() + (end == null ? 0 : 1);
    if (logits.size() != steps) {
      throw all.error("logits", logits.size() + " hashes", "must be " + steps + ", one per token");
    }
    List<Integer> prompt = all.ids("prompt");
    if (prompt.isEmpty()) {
      throw all.error("prompt", "", "has no tokens");
    }
    var receipt =
        new Receipt(
            all.text("vidrio"),
            new Receipt.Identity(model.text("name"), model.hash("sha256")),
            adapter(all),
            new Receipt.Computation(
                (int) arithmetic.integer("version", 1, Integer.MAX_VALUE),
                arithmetic.products(),
                arithmetic.cacheType(),
                arithmetic.bool("long_context")),
            sampling(file, all.object("sampling")),
            new Receipt.Stop(
                (int) stop.integer("tokens", 0, Integer.MAX_VALUE),
                (int) stop.integer("min_tokens", 0, Integer.MAX_VALUE),
                stop.texts("strings"),
                stop.ids("token_ids"),
                stop.bool("ignore_eos")),
            all.isNull("grammar") ? null : all.object("grammar").tree(),
            prompt,
            answer,
            end,
            all.oneOf("finish", FINISHES),
            logits,
            all.hash("chain"));
    model.end("name", "sha256");
    arithmetic.end("version", "products", "cache", "long_context");
    stop.end("tokens", "min_tokens", "strings", "token_ids", "ignore_eos");
    all.end(write(receipt).keySet().toArray(String[]::new));
    return receipt;
  }

  private static Receipt.@Nullable Adapted adapter(Fields all) {
    if (all.isNull("adapter")) {
      return null;
    }
    Fields adapter = all.object("adapter");
    adapter.end("sha256", "strength");
    float strength = (float) adapter.number("strength");
    if (!Float.isFinite(strength)) {
      throw adapter.error("strength", adapter.shown("strength"), "must be finite");
    }
    return new Receipt.Adapted(adapter.hash("sha256"), strength);
  }

  private static SamplingOptions sampling(String file, Fields from) {
    try {
      SamplingOptions read =
          SamplingOptions.builder()
              .temperature(from.number("temperature"))
              .topK((int) from.integer("top_k", 0, Integer.MAX_VALUE))
              .topP(from.number("top_p"))
              .minP(from.number("min_p"))
              .repeatPenalty(from.number("repeat_penalty"))
              .frequencyPenalty(from.number("frequency_penalty"))
              .presencePenalty(from.number("presence_penalty"))
              .penaltyWindow((int) from.integer("repeat_last_n", 0, Integer.MAX_VALUE))
              .dry(dry(from.object("dry")))
              .topNSigma(from.number("top_n_sigma"))
              .xtc(from.number("xtc_probability"), from.number("xtc_threshold"))
              .logitBias(from.object("logit_bias").biases())
              .seed(from.integer("seed", Long.MIN_VALUE, Long.MAX_VALUE))
              .build();
      from.end(sampling(read).keySet().toArray(String[]::new));
      return read;
    } catch (InvalidInputException e) {
      throw new ModelFileException(file, "sampling: " + e.field(), e.value(), e.limit());
    }
  }

  private static DryOptions dry(Fields from) {
    var read =
        new DryOptions(
            from.number("multiplier"),
            from.number("base"),
            (int) from.integer("allowed_length", 0, Integer.MAX_VALUE),
            (int) from.integer("last_n", 0, Integer.MAX_VALUE),
            from.texts("breakers"));
    from.end(dry(read).keySet().toArray(String[]::new));
    return read;
  }

  /**
   * The fields of an object.
   *
   * @param path its path with a final point, or an empty text
   */
  private record Fields(String file, String path, JsonNode object) {

    ModelFileException error(String name, String value, String limit) {
      return new ModelFileException(file, path + name, value, limit);
    }

    String shown(String name) {
      return object.path(name).toString();
    }

    private JsonNode required(String name) {
      JsonNode value = object.get(name);
      if (value == null) {
        throw error(name, "", "is missing");
      }
      return value;
    }

    private JsonNode required(String name, boolean isRight, String limit) {
      if (!isRight) {
        throw error(name, shown(name), limit);
      }
      return required(name);
    }

    boolean isNull(String name) {
      return required(name).isNull();
    }

    Fields object(String name) {
      JsonNode value = required(name);
      return new Fields(
          file, path + name + ".", required(name, value.isObject(), "must be an object"));
    }

    String text(String name) {
      JsonNode value = required(name);
      String limit = "must be a text of at most " + MAX_TEXT + " characters";
      boolean isRight = value.isString() && value.stringValue().length() <= MAX_TEXT;
      return required(name, isRight, limit).stringValue();
    }

    String oneOf(String name, Set<String> values) {
      String text = text(name);
      if (!values.contains(text)) {
        throw error(
            name, text, "must be one of " + String.join(", ", values.stream().sorted().toList()));
      }
      return text;
    }

    Arithmetic products() {
      Map<String, Arithmetic> labels =
          Arrays.stream(Arithmetic.values())
              .collect(Collectors.toMap(Arithmetic::label, Function.identity()));
      return Objects.requireNonNull(labels.get(oneOf("products", labels.keySet())));
    }

    KvType cacheType() {
      Map<String, KvType> types =
          Arrays.stream(KvType.values())
              .collect(
                  Collectors.toMap(type -> type.name().toLowerCase(Locale.ROOT), type -> type));
      String name = oneOf("cache", types.keySet());
      return KvType.valueOf(name.toUpperCase(Locale.ROOT));
    }

    String hash(String name) {
      String text = text(name);
      if (!Sha256.isHex(text)) {
        throw error(name, text, "must be 64 hexadecimal digits in lower case");
      }
      return text;
    }

    boolean bool(String name) {
      return required(name, required(name).isBoolean(), "must be true or false").booleanValue();
    }

    double number(String name) {
      return required(name, required(name).isNumber(), "must be a number").doubleValue();
    }

    long integer(String name, long min, long max) {
      JsonNode value = required(name);
      boolean isRight = value.isIntegralNumber() && value.canConvertToLong();
      String limit =
          min == max ? "must be " + min : "must be an integer from " + min + " to " + max;
      long number = required(name, isRight, limit).longValue();
      if (number < min || number > max) {
        throw error(name, shown(name), limit);
      }
      return number;
    }

    int id(String name) {
      return (int) integer(name, 0, Integer.MAX_VALUE);
    }

    private JsonNode array(String name) {
      return required(name, required(name).isArray(), "must be an array");
    }

    List<Integer> ids(String name) {
      List<Integer> ids = new ArrayList<>();
      for (JsonNode element : array(name)) {
        if (!element.isIntegralNumber() || !element.canConvertToInt() || element.intValue() < 0) {
          throw error(name + "[" + ids.size() + "]", element.toString(), "must be a token id");
        }
        ids.add(element.intValue());
      }
      return ids;
    }

    List<String> texts(String name) {
      List<String> texts = new ArrayList<>();
      for (JsonNode element : array(name)) {
        String text = element.isString() ? element.stringValue() : "";
        if (text.isEmpty() || text.length() > MAX_TEXT) {
          throw error(
              name + "[" + texts.size() + "]",
              element.toString(),
              "must be a text of 1 to " + MAX_TEXT + " characters");
        }
        texts.add(text);
      }
      if (texts.size() > MAX_STOPS) {
        throw error(name, texts.size() + " texts", "must be at most " + MAX_STOPS);
      }
      return texts;
    }

    List<Long> logits() {
      List<Long> hashes = new ArrayList<>();
      for (JsonNode element : array("logits")) {
        if (!element.isString() || !element.stringValue().matches("[0-9a-f]{16}")) {
          throw error(
              "logits[" + hashes.size() + "]",
              element.toString(),
              "must be 16 hexadecimal digits in lower case");
        }
        hashes.add(HexFormat.fromHexDigitsToLong(element.stringValue()));
      }
      return hashes;
    }

    Map<Integer, Float> biases() {
      Map<Integer, Float> biases = new HashMap<>();
      object.forEachEntry(
          (token, bias) -> {
            if (!token.matches("\\d{1,9}")) {
              throw error(token, "", "must be a token id");
            }
            biases.put(Integer.valueOf(token), (float) number(token));
          });
      return biases;
    }

    Map<String, Object> tree() {
      return JsonMapper.shared().convertValue(object, new TypeReference<>() {});
    }

    /** Rejects fields other than these. */
    void end(String... known) {
      List<String> names = List.of(known);
      for (String name : object.propertyNames()) {
        if (!names.contains(name)) {
          throw error(name, "", "is not a field of receipts of format " + Receipt.FORMAT);
        }
      }
    }
  }
}
