package dev.vidrio.server.lens;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.ActivationFile;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.server.http.JsonValue;
import dev.vidrio.server.model.ServedModel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A request of {@code /v1/lens/cache}: activations.
 *
 * @param text the input
 * @param position the position; null for all
 * @param hooks the names of hook points, as in {@link Capture#hooks}
 * @param safetensors if true, the response is a safetensors file, else JSON
 * @param changes edits of activations
 */
record LensCache(
    LensInput text,
    @Nullable JsonValue position,
    String hooks,
    boolean safetensors,
    LensEdits changes)
    implements LensRequest {
  /** Maximum values of a response. */
  private static final long MAX_VALUES = 1 << 21;

  static LensCache read(JsonFields fields) {
    return new LensCache(
        LensInput.read(fields),
        fields.value("position"),
        fields.required("hooks").string(),
        fields.oneOf("format", "json", "json", "safetensors").equals("safetensors"),
        LensEdits.read(fields));
  }

  @Override
  public boolean isJson() {
    return !safetensors;
  }

  @Override
  public boolean supportsEncoders() {
    return true;
  }

  @Override
  public Supplier<Answer> prepare(ServedModel model) {
    int[] tokens = text.tokens(model);
    var _ = Lens.ofActivations(model.model()).points(hooks);
    Capture capture = Capture.of(hooks);
    if (position != null) {
      int at = LensInput.positionOf(position, 0, tokens);
      capture = capture.positions(at, at + 1);
    }
    Capture chosen = capture;
    Supplier<List<Intervention>> edits = changes.prepare(model, tokens);
    return () -> answer(model, tokens, chosen, edits.get());
  }

  private Answer answer(
      ServedModel model, int[] tokens, Capture capture, List<Intervention> edits) {
    Lens lens = Lens.ofActivations(model.model());
    requireSize("hooks", values(lens, tokens, capture));
    try (ActivationCache cache = lens.run(tokens, capture, edits)) {
      return safetensors ? file(model, cache) : Answer.json(toJson(model, cache));
    }
  }

  /**
   * Rejects responses of too many values.
   *
   * @param path the path of the field, for the error
   */
  static void requireSize(String path, long values) {
    LensInput.requireAtMost(path, values, "values", MAX_VALUES);
  }

  /** Returns the number of captured values, computed from the activations of one token. */
  private static long values(Lens lens, int[] tokens, Capture capture) {
    int rows = Math.min(tokens.length, capture.to()) - capture.from();
    long values = 0;
    try (ActivationCache one = lens.run(new int[] {tokens[0]}, Capture.of(capture.hooks()))) {
      for (HookPoint point : one.points()) {
        long keys =
            switch (point.site()) {
              case HookSite.PATTERN, HookSite.ATTN_SCORES -> tokens.length;
              default -> 1;
            };
        values = Math.addExact(values, one.get(point).elements() * rows * keys);
      }
    }
    return values;
  }

  private static JsonObject toJson(ServedModel model, ActivationCache cache) {
    var hooks = new JsonObject();
    for (HookPoint point : cache.points()) {
      Activation activation = cache.get(point);
      hooks.put(
          point.name(),
          new JsonObject()
              .with("shape", activation.shape())
              .with("values", finite(activation.toArray())));
    }
    return LensInput.head(model, cache.tokens()).with("from", cache.from()).with("hooks", hooks);
  }

  /** Replaces infinities, such as masked scores, by null: JSON has none. */
  private static List<@Nullable Float> finite(float[] values) {
    List<@Nullable Float> list = new ArrayList<>(values.length);
    for (float value : values) {
      list.add(Float.isFinite(value) ? value : null);
    }
    return list;
  }

  private static Answer file(ServedModel model, ActivationCache cache) {
    try {
      Path file = Files.createTempFile("vidrio-", ".safetensors");
      try {
        ActivationFile.write(cache, model.id(), file);
        return Answer.bytes(Files.readAllBytes(file));
      } finally {
        Files.deleteIfExists(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
