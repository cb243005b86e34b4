package dev.vidrio.server.lens;

import dev.vidrio.lens.Lens;
import dev.vidrio.lens.MetricKind;
import dev.vidrio.lens.MetricSpec;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.intervene.ActivationPatching;
import dev.vidrio.lens.intervene.ActivationPatching.Direction;
import dev.vidrio.lens.intervene.ActivationPatching.Site;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.server.http.JsonValue;
import dev.vidrio.server.model.ServedModel;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * A request of {@code /v1/lens/patch}: activation patching between two texts, or the mean over
 * several pairs of texts.
 *
 * @param pairs the texts with their answers
 * @param site the patched activations
 * @param direction denoising or noising
 * @param changes edits of activations in the runs of both texts; none for several pairs
 */
record LensPatch(List<Pair> pairs, Site site, Direction direction, LensEdits changes)
    implements LensRequest {
  /**
   * A pair of texts.
   *
   * @param clean the text with the right answer
   * @param corrupted a text of the same number of tokens with a wrong answer
   * @param metric what is measured, with its answers
   */
  record Pair(LensInput clean, LensInput corrupted, LensMetric metric) {
    static Pair read(JsonFields fields, MetricSpec spec) {
      return new Pair(
          LensInput.plain(fields.required("clean")),
          LensInput.plain(fields.required("corrupted")),
          LensMetric.read(fields, spec));
    }

    /** Resolves the texts and answers. */
    Bound bind(ServedModel model) {
      return new Bound(clean.tokens(model), corrupted.tokens(model), metric.bind(model));
    }
  }

  /** The tokens of a pair. */
  static final class Bound {
    final int[] clean;
    final int[] corrupted;
    final MetricSpec.Bound metric;

    Bound(int[] clean, int[] corrupted, MetricSpec.Bound metric) {
      this.clean = clean;
      this.corrupted = corrupted;
      this.metric = metric;
    }

    int length() {
      return metric.text(clean).length;
    }
  }

  /** Maximum pairs of a request. */
  static final int MAX_PAIRS = 256;

  /** Maximum tokens of all forward passes together. */
  private static final long MAX_WORK = 1 << 16;

  private static final String WORK = "tokens of forward passes";

  static LensPatch read(JsonFields fields) {
    String site =
        fields.oneOf(
            "site",
            "resid_pre",
            Stream.of(Site.values()).map(LensPatch::name).toArray(String[]::new));
    MetricSpec metric = LensMetric.spec(fields, MetricKind.LOGIT_DIFF);
    JsonValue several = fields.value("pairs");
    return new LensPatch(
        several == null
            ? List.of(Pair.read(fields, metric))
            : several.elements(1, MAX_PAIRS).stream().map(pair -> pair(pair, metric)).toList(),
        Site.valueOf(site.toUpperCase(Locale.ROOT)),
        Direction.valueOf(
            fields
                .oneOf("direction", "denoising", "denoising", "noising")
                .toUpperCase(Locale.ROOT)),
        several == null ? LensEdits.read(fields) : LensEdits.NONE);
  }

  private static Pair pair(JsonValue value, MetricSpec metric) {
    JsonFields fields = value.fields();
    Pair pair = Pair.read(fields, metric);
    fields.end();
    return pair;
  }

  private static String name(Site site) {
    return site.name().toLowerCase(Locale.ROOT);
  }

  @Override
  public Supplier<Answer> prepare(ServedModel model) {
    List<Bound> bound = pairs.stream().map(pair -> pair.bind(model)).toList();
    long work = bound.stream().mapToLong(pair -> runs(model, pair) * pair.length()).sum();
    requireWork(bound.size() == 1 ? "clean" : "pairs", work);
    Supplier<List<Intervention>> edits = changes.prepare(model, bound.getFirst().clean);
    return () -> answer(model, bound, edits.get());
  }

  private Answer answer(ServedModel model, List<Bound> bound, List<Intervention> edits) {
    Lens lens = Lens.of(model.model()).edited(edits);
    List<TextPair> texts =
        bound.stream().map(pair -> pair.metric.pair(lens, pair.clean, pair.corrupted)).toList();
    ActivationPatching patching = ActivationPatching.of(lens, texts, site, direction);
    MetricKind kind = bound.getFirst().metric.kind();
    JsonObject json =
        texts.size() == 1
            ? LensMetric.fill(
                LensInput.head(model, texts.getFirst().clean())
                    .with("corrupted_tokens", texts.getFirst().corrupted())
                    .with("metric_kind", kind.key()),
                bound.getFirst().metric)
            : new JsonObject()
                .with("model", model.id())
                .with("metric_kind", kind.key())
                .with(
                    "pairs",
                    IntStream.range(0, texts.size())
                        .mapToObj(i -> toJson(texts.get(i), bound.get(i).metric))
                        .toList());
    json.with("site", name(site))
        .with("direction", direction.name().toLowerCase(Locale.ROOT))
        .with("clean_" + kind.field(), patching.clean())
        .with("corrupted_" + kind.field(), patching.corrupted())
        .with("rows", patching.rows())
        .with("columns", patching.columns())
        .with("scores", patching.scores());
    if (texts.size() > 1) {
      json.with("half_widths", patching.halfWidths());
    }
    return Answer.json(json);
  }

  private static JsonObject toJson(TextPair pair, MetricSpec.Bound metric) {
    return LensMetric.fill(
        new JsonObject().with("tokens", pair.clean()).with("corrupted_tokens", pair.corrupted()),
        metric);
  }

  /**
   * Returns the number of forward passes: one for each patched activation. At positions before the
   * first difference of the texts, nothing is patched.
   */
  private long runs(ServedModel model, Bound pair) {
    int tokens = pair.length() - Math.max(0, Arrays.mismatch(pair.clean, pair.corrupted));
    int layers = model.model().architecture().layers();
    int heads = model.model().architecture().heads();
    return switch (site) {
      case RESID_PRE, RESID_MID, ATTN_OUT, MLP_OUT -> (long) layers * tokens;
      case HEAD, Q, K, V, PATTERN -> (long) layers * heads;
      case HEAD_BY_POSITION -> (long) layers * heads * tokens;
    };
  }

  /** Rejects requests of too many forward passes. */
  static void requireRuns(String path, long runs, int tokens) {
    requireWork(path, Math.multiplyExact(runs, tokens));
  }

  /** Rejects requests of too many tokens over all forward passes. */
  static void requireWork(String path, long tokens) {
    LensInput.requireAtMost(path, tokens, WORK, MAX_WORK);
  }
}
