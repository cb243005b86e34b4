package dev.vidrio.server.ollama;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.gguf.GgufValue;
import dev.vidrio.formats.gguf.Metadata;
import dev.vidrio.model.chat.ChatFormat;
import dev.vidrio.server.http.Exchange;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.server.http.JsonValue;
import dev.vidrio.server.http.Route;
import dev.vidrio.server.model.ModelRegistry;
import dev.vidrio.server.model.ModelSummary;
import dev.vidrio.server.model.ServedModel;
import java.io.IOException;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The routes of Ollama's API that describe models.
 *
 * @param models the models
 */
record OllamaModels(ModelRegistry models) {
  /**
   * The version of Ollama with the API that the routes follow. Clients compare it with the version
   * that they require.
   */
  private static final String API_VERSION = "0.12.11";

  private static final String TEMPLATE = "tokenizer.chat_template";

  /** The tag of a name without a tag. */
  private static final String LATEST = ":latest";

  List<Route> routes() {
    return List.of(
        Route.get("/api/tags", this::tags),
        Route.get("/api/ps", this::running),
        Route.get("/api/version", exchange -> exchange.answer(Map.of("version", API_VERSION))),
        Route.post("/api/show", this::show));
  }

  /** Returns the name of a served model: that of a request, or without the tag {@code latest}. */
  static String resolve(ModelRegistry models, String name) {
    boolean isTagged = name.endsWith(LATEST) && !models.ids().contains(name);
    return isTagged ? name.substring(0, name.length() - LATEST.length()) : name;
  }

  private void tags(Exchange exchange) throws IOException {
    exchange.answer(Map.of("models", models.ids().stream().map(this::tag).toList()));
  }

  private JsonObject tag(String id) {
    Optional<ModelSummary> summary = models.loaded(id).map(ServedModel::summary);
    return new JsonObject()
        .with("name", id)
        .with("model", id)
        .with("modified_at", modified())
        .with("size", summary.map(ModelSummary::bytes).orElse(0L))
        .with("details", details(summary.orElse(null)));
  }

  private String modified() {
    return models.created().truncatedTo(ChronoUnit.SECONDS).toString();
  }

  private void running(Exchange exchange) throws IOException {
    List<JsonObject> running = new ArrayList<>();
    for (String id : models.ids()) {
      models.loaded(id).ifPresent(served -> running.add(running(id, served)));
    }
    exchange.answer(Map.of("models", running));
  }

  private JsonObject running(String id, ServedModel served) {
    return new JsonObject()
        .with("name", id)
        .with("model", id)
        .with("size", served.summary().bytes())
        .with("size_vram", 0)
        .with("details", details(served.summary()))
        .withPresent("expires_at", models.expiry(id).map(Object::toString).orElse(null))
        .with("context_length", served.engine().options().context());
  }

  /** Returns the details of a model, which are empty until it is loaded. */
  private static JsonObject details(@Nullable ModelSummary summary) {
    String family = summary == null ? "" : summary.architecture();
    return new JsonObject()
        .with("parent_model", "")
        .with("format", "gguf")
        .with("family", family)
        .with("families", family.isEmpty() ? List.of() : List.of(family))
        .with("parameter_size", summary == null ? "" : count(summary.parameters()))
        .with("quantization_level", summary == null ? "" : summary.type());
  }

  /** Returns a number of weights such as {@code 134.52M}. */
  private static String count(long parameters) {
    return parameters < 1_000_000_000
        ? String.format(Locale.ROOT, "%.2fM", parameters / 1e6)
        : String.format(Locale.ROOT, "%.1fB", parameters / 1e9);
  }

  private void show(Exchange exchange) throws IOException {
    JsonFields fields = exchange.fields();
    JsonValue old = fields.value("name"); // the field in older versions
    String id = resolve(models, (old == null ? fields.required("model") : old).string());
    fields.requireValue("verbose", false);
    fields.end();
    try (ModelRegistry.Lease lease = models.acquire(id)) {
      ServedModel served = lease.model();
      Metadata metadata = served.model().gguf().metadata();
      exchange.answer(
          new JsonObject()
              .withPresent("license", metadata.optionalString("general.license").orElse(null))
              .with("modelfile", "")
              .with("parameters", "")
              .with("template", metadata.optionalString(TEMPLATE).orElse(""))
              .with("details", details(served.summary()))
              .with("model_info", info(metadata, served.summary()))
              .with("capabilities", capabilities(served.format()))
              .with("modified_at", modified()));
    }
  }

  private static List<String> capabilities(Optional<ChatFormat> format) {
    List<String> capabilities = new ArrayList<>(List.of("completion"));
    if (format.filter(OllamaModels::supportsTools).isPresent()) {
      capabilities.add("tools");
    }
    if (format.filter(ChatFormat::reasons).isPresent()) {
      capabilities.add("thinking");
    }
    return capabilities;
  }

  private static boolean supportsTools(ChatFormat format) {
    try {
      format.template().requireTools();
      return true;
    } catch (InvalidInputException e) {
      return false;
    }
  }

  /** Returns the metadata of a file; arrays are null, as in Ollama's API. */
  private static JsonObject info(Metadata metadata, ModelSummary summary) {
    var info = new JsonObject().with("general.parameter_count", summary.parameters());
    metadata
        .entries()
        .forEach(
            (key, value) -> {
              if (!key.equals(TEMPLATE)) {
                info.put(key, plain(metadata, key, value));
              }
            });
    return info;
  }

  private static @Nullable Object plain(Metadata metadata, String key, GgufValue value) {
    return switch (value) {
      case GgufValue.Int number -> number.value();
      case GgufValue.Real number ->
          Double.isFinite(number.value()) ? Double.valueOf(number.toString()) : null;
      case GgufValue.Bool bool -> bool.value();
      case GgufValue.Text _ -> metadata.string(key);
      case GgufValue.Array _ -> null;
    };
  }
}
