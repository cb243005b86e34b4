package dev.vidrio.server.lens;

import dev.vidrio.lens.Lens;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.intervene.ActivationPatching;
import dev.vidrio.lens.intervene.ActivationPatching.Direction;
import dev.vidrio.lens.intervene.ActivationPatching.Site;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.model.ServedModel;
import java.util.Locale;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * A request of {@code /v1/lens/patch}: activation patching between two texts.
 *
 * @param clean the text with the right answer
 * @param corrupted a text of the same number of tokens with a wrong answer
 * @param answer the right answer, one token
 * @param wrong the wrong answer, one token
 * @param site the patched activations
 * @param direction denoising or noising
 */
record LensPatch(
    LensInput clean,
    LensInput corrupted,
    Function<ServedModel, int[]> answer,
    Function<ServedModel, int[]> wrong,
    Site site,
    Direction direction)
    implements LensRequest {
  /** Maximum tokens of all forward passes together. */
  private static final long MAX_WORK = 1 << 16;

  static LensPatch read(JsonFields fields) {
    String site =
        fields.oneOf(
            "site",
            "resid_pre",
            Stream.of(Site.values()).map(LensPatch::name).toArray(String[]::new));
    return new LensPatch(
        LensInput.plain(fields.required("clean")),
        LensInput.plain(fields.required("corrupted")),
        LensInput.token(fields.required("answer")),
        LensInput.token(fields.required("wrong")),
        Site.valueOf(site.toUpperCase(Locale.ROOT)),
        Direction.valueOf(
            fields
                .oneOf("direction", "denoising", "denoising", "noising")
                .toUpperCase(Locale.ROOT)));
  }

  private static String name(Site site) {
    return site.name().toLowerCase(Locale.ROOT);
  }

  @Override
  public Supplier<Answer> prepare(ServedModel model) {
    int[] cleanTokens = clean.tokens(model);
    int[] corruptedTokens = corrupted.tokens(model);
    int right = answer.apply(model)[0];
    int other = wrong.apply(model)[0];
    if (right == other) {
      throw ApiException.invalid("wrong", "must differ from answer");
    }
    requireRuns("clean", runs(model, cleanTokens.length), cleanTokens.length);
    TextPair pair = TextPair.of(cleanTokens, corruptedTokens, right, other);
    return () -> answer(model, pair, right, other);
  }

  private Answer answer(ServedModel model, TextPair pair, int right, int other) {
    ActivationPatching patching =
        ActivationPatching.of(Lens.of(model.model()), pair, site, direction);
    return Answer.json(
        LensInput.head(model, pair.clean())
            .with("corrupted_tokens", pair.corrupted())
            .with("answer", right)
            .with("wrong", other)
            .with("site", name(site))
            .with("direction", direction.name().toLowerCase(Locale.ROOT))
            .with("clean_logit_difference", patching.clean())
            .with("corrupted_logit_difference", patching.corrupted())
            .with("rows", patching.rows())
            .with("columns", patching.columns())
            .with("scores", patching.scores()));
  }

  /** Returns the number of forward passes: one for each patched activation. */
  private long runs(ServedModel model, int tokens) {
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
    LensInput.requireAtMost(
        path, Math.multiplyExact(runs, tokens), "tokens of forward passes", MAX_WORK);
  }
}
