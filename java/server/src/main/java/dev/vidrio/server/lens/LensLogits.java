package dev.vidrio.server.lens;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.inspect.ComponentLens;
import dev.vidrio.lens.inspect.LogitLens;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.server.http.JsonValue;
import dev.vidrio.server.model.ServedModel;
import dev.vidrio.tokenizer.Tokenizer;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A request of {@code /v1/lens/logits}: the logit lens, which unembeds the residual stream of each
 * layer, or what components add to it.
 *
 * @param text the input
 * @param position the position; null for all
 * @param hooks the names of residual streams or of components, as in {@link Capture#hooks}
 * @param top the number of tokens of a prediction
 * @param token a token to follow; null for none
 * @param patterns whether the response also has the attention patterns of {@link LensAttention},
 *     from the run of the residual streams
 * @param changes edits of activations
 * @param ahead the tokens that follow
 */
record LensLogits(
    LensInput text,
    @Nullable JsonValue position,
    String hooks,
    int top,
    @Nullable Function<ServedModel, int[]> token,
    boolean patterns,
    LensEdits changes,
    LensAhead ahead)
    implements LensRequest {
  /** Maximum predictions of a response; each multiplies by the whole unembedding. */
  private static final int MAX_CELLS = 4096;

  private static final int MAX_TOP = 20;

  static LensLogits read(JsonFields fields) {
    JsonValue token = fields.value("token");
    return new LensLogits(
        LensInput.read(fields),
        fields.value("position"),
        fields.string("hooks", "blocks.*.hook_resid_post"),
        fields.integer("top", 5, 1, MAX_TOP),
        token == null ? null : LensInput.token(token),
        fields.bool("patterns", false),
        LensEdits.read(fields),
        LensAhead.read(fields));
  }

  /**
   * A kept run of all positions.
   *
   * @param tokens the text
   * @param hooks the kept points, as in {@link Capture#hooks}
   * @param cache their activations
   */
  private record Run(List<Integer> tokens, String hooks, ActivationCache cache)
      implements AutoCloseable {
    boolean covers(List<Integer> text, String names) {
      return hooks.equals(names)
          && tokens.size() >= text.size()
          && tokens.subList(0, text.size()).equals(text);
    }

    @Override
    public void close() {
      cache.close();
    }
  }

  @Override
  public Supplier<Answer> prepare(ServedModel model) {
    int[] tokens = text.tokens(model);
    int from = position == null ? 0 : LensInput.positionOf(position, 0, tokens);
    int to = position == null ? tokens.length : from + 1;
    Lens lens = Lens.of(model.model());
    List<HookPoint> points = lens.points(hooks);
    boolean components = ComponentLens.areComponents(points);
    long rows = components ? ComponentLens.count(lens, points) : points.size();
    LensInput.requireAtMost("hooks", rows * (to - from), "predictions", MAX_CELLS);
    int[] run = Arrays.copyOf(tokens, to);
    Capture capture = Capture.of(hooks).positions(from, to);
    int followed = token == null ? -1 : token.apply(model)[0];
    JsonObject head = LensInput.head(model, run).with("from", from);
    Supplier<List<Intervention>> edits = changes.prepare(model, run);
    if (components) {
      if (patterns) {
        throw ApiException.unsupported("patterns", "not supported for components");
      }
      return () ->
          answer(
              model.tokenizer(),
              ComponentLens.of(lens, run, capture, top, followed, edits.get()),
              head);
    }
    if (patterns) {
      int heads = model.model().architecture().heads();
      LensAttention.requireSize(text.path(), model, LensAttention.ALL, heads, from, to);
    }
    String names = hooks + ",blocks.-1.hook_resid_post" + (patterns ? "," + LensAttention.ALL : "");
    Function<ActivationCache, Answer> read =
        cache ->
            answer(
                model.tokenizer(),
                LogitLens.of(lens, cache, points, from, to, top, followed),
                patterns
                    ? head.with("patterns", LensAttention.patterns(cache, null, from, to))
                    : head);
    int[] whole = ahead.after(tokens, model);
    boolean keeps =
        ahead.isKept(changes) && bytes(model, points.size(), whole.length) <= LensAhead.MAX_BYTES;
    return () ->
        (keeps ? kept(model, whole, run, names, read) : Optional.<Answer>empty())
            .orElseGet(
                () -> {
                  try (ActivationCache cache =
                      lens.run(run, capture.withHooks(names), edits.get())) {
                    return read.apply(cache);
                  }
                });
  }

  /** Returns the bytes of a run's residual streams and patterns, with their queries and keys. */
  private long bytes(ServedModel model, int streams, long tokens) {
    var architecture = model.model().architecture();
    long layers = patterns ? architecture.layers() : 0;
    long rows = (streams + 1 + 2 * layers) * architecture.width();
    return Float.BYTES * tokens * (rows + layers * architecture.heads() * tokens);
  }

  /** Reads a kept run that begins with these tokens, or a run of all. */
  private static Optional<Answer> kept(
      ServedModel model,
      int[] whole,
      int[] run,
      String names,
      Function<ActivationCache, Answer> read) {
    List<Integer> text = Arrays.stream(run).boxed().toList();
    return model
        .kept()
        .use(
            Run.class,
            kept -> kept.covers(text, names),
            () ->
                Optional.of(
                    new Run(
                        Arrays.stream(whole).boxed().toList(),
                        names,
                        Lens.of(model.model()).run(whole, Capture.of(names)))),
            kept -> read.apply(kept.cache()));
  }

  private static Answer answer(Tokenizer tokenizer, LogitLens read, JsonObject head) {
    var rows = new JsonObject();
    for (int row = 0; row < read.points().size(); row++) {
      rows.put(
          read.points().get(row).name(),
          read.cells().get(row).stream().map(cell -> toJson(tokenizer, cell)).toList());
    }
    return Answer.json(head.with("hooks", rows));
  }

  private static Answer answer(Tokenizer tokenizer, ComponentLens read, JsonObject head) {
    var rows = new JsonObject();
    for (int row = 0; row < read.components().size(); row++) {
      rows.put(
          read.components().get(row),
          read.cells().get(row).stream().map(cell -> toJson(tokenizer, cell)).toList());
    }
    return Answer.json(
        head.withPresent("capped", read.capped() ? true : null).with("components", rows));
  }

  private static JsonObject toJson(Tokenizer tokenizer, LogitLens.Cell cell) {
    JsonObject json =
        new JsonObject()
            .with("top", cell.top().stream().map(token -> toJson(tokenizer, token)).toList())
            .with("entropy_bits", cell.entropy())
            .with("rank_of_final", cell.rank())
            .with("kl_bits", cell.divergence());
    LogitLens.Standing standing = cell.standing();
    return standing == null
        ? json
        : json.with("token_rank", standing.rank())
            .with("token_probability", standing.probability());
  }

  private static JsonObject toJson(Tokenizer tokenizer, LogitLens.Candidate candidate) {
    return token(tokenizer, candidate.token()).with("probability", candidate.probability());
  }

  private static JsonObject toJson(Tokenizer tokenizer, ComponentLens.Cell cell) {
    JsonObject json =
        new JsonObject()
            .with("promoted", toJson(tokenizer, cell.promoted()))
            .with("demoted", toJson(tokenizer, cell.demoted()))
            .with("standard_deviation", cell.deviation());
    ComponentLens.Standing standing = cell.standing();
    return standing == null
        ? json
        : json.with("token_logit", standing.logit()).with("token_rank", standing.rank());
  }

  private static List<JsonObject> toJson(Tokenizer tokenizer, List<ComponentLens.Effect> effects) {
    return effects.stream()
        .map(effect -> token(tokenizer, effect.token()).with("logit", effect.logit()))
        .toList();
  }

  private static JsonObject token(Tokenizer tokenizer, int token) {
    return new JsonObject().with("id", token).with("piece", tokenizer.piece(token));
  }
}
