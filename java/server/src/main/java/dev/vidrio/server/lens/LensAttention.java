package dev.vidrio.server.lens;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.server.http.JsonValue;
import dev.vidrio.server.model.ServedModel;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A request of {@code /v1/lens/attention}: attention patterns.
 *
 * @param text the input
 * @param position the position of the query; null for all
 * @param layer the layer; null for all
 * @param head the head; null for all
 * @param changes edits of activations
 */
record LensAttention(
    LensInput text,
    @Nullable JsonValue position,
    @Nullable JsonValue layer,
    @Nullable JsonValue head,
    LensEdits changes)
    implements LensRequest {
  private static final String PATTERN = ".attn.hook_pattern";

  /** The hook points of all layers. */
  static final String ALL = "blocks.*" + PATTERN;

  static LensAttention read(JsonFields fields) {
    return new LensAttention(
        LensInput.read(fields),
        fields.value("position"),
        fields.value("layer"),
        fields.value("head"),
        LensEdits.read(fields));
  }

  @Override
  public Supplier<Answer> prepare(ServedModel model) {
    int[] tokens = text.tokens(model);
    int from = position == null ? 0 : LensInput.positionOf(position, 0, tokens);
    int to = position == null ? tokens.length : from + 1;
    int layers = model.model().architecture().layers();
    String block = layer == null ? "*" : Integer.toString(layer.integer(0, layers - 1));
    int[] run = Arrays.copyOf(tokens, to);
    String hooks = "blocks." + block + PATTERN;
    Capture capture = Capture.of(hooks).positions(from, to);
    int heads = head == null ? model.model().architecture().heads() : 1;
    requireSize(text.path(), model, hooks, heads, from, to);
    Supplier<List<Intervention>> edits = changes.prepare(model, run);
    return () -> answer(model, run, capture, edits.get());
  }

  private Answer answer(ServedModel model, int[] run, Capture capture, List<Intervention> edits) {
    Lens lens = Lens.of(model.model());
    try (ActivationCache cache = lens.run(run, capture, edits)) {
      return Answer.json(
          LensInput.head(model, run)
              .with("from", cache.from())
              .with("patterns", patterns(cache, head, cache.from(), run.length)));
    }
  }

  /** Rejects patterns of too many values, of queries at positions [from, to). */
  static void requireSize(
      String path, ServedModel model, String hooks, int heads, int from, int to) {
    long rows = Lens.of(model.model()).points(hooks).size() * (long) (to - from);
    LensCache.requireSize(path, rows * heads * to);
  }

  /**
   * Returns the patterns that a run has kept.
   *
   * @param head a head of each layer; null for all
   * @param from the first query
   * @param to the position after the last query and key
   */
  static List<JsonObject> patterns(
      ActivationCache cache, @Nullable JsonValue head, int from, int to) {
    return cache.points().stream()
        .filter(point -> point.site() == HookSite.PATTERN)
        .flatMap(point -> patterns(cache.get(point), head, from - cache.from(), to - from, to))
        .toList();
  }

  /**
   * Returns queries of the requested heads of a layer's pattern [H, n, n_kv].
   *
   * @param first the row of the first query
   * @param queries the number of queries
   * @param keys the number of keys
   */
  private static Stream<JsonObject> patterns(
      Activation pattern, @Nullable JsonValue head, int first, int queries, int keys) {
    int heads = pattern.shape().getFirst();
    int begin = head == null ? 0 : head.integer(0, heads - 1);
    return IntStream.range(begin, head == null ? heads : begin + 1)
        .mapToObj(
            h ->
                new JsonObject()
                    .with("layer", pattern.point().layer())
                    .with("head", h)
                    .with(
                        "weights",
                        IntStream.range(first, first + queries)
                            .mapToObj(query -> weights(pattern, h, query, keys))
                            .toList()));
  }

  /** Returns the first weights of a query. */
  private static float[] weights(Activation pattern, int h, int query, int keys) {
    long row = (long) h * pattern.shape().get(1) + query;
    long at = row * pattern.shape().getLast() * Float.BYTES;
    return pattern.data().asSlice(at, (long) keys * Float.BYTES).toArray(JAVA_FLOAT);
  }
}
