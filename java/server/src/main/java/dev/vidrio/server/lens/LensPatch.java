package dev.vidrio.server.lens;

import dev.vidrio.lens.Lens;
import dev.vidrio.lens.intervene.ActivationPatching;
import dev.vidrio.lens.intervene.ActivationPatching.Direction;
import dev.vidrio.lens.intervene.ActivationPatching.Site;
import dev.vidrio.server.http.Fields;
import dev.vidrio.server.model.ServedModel;
import java.util.Locale;
import java.util.Map;

/**
 * {@code /v1/lens/patch}: which components carry what two texts differ in.
 *
 * @param clean the text after which the answer is right
 * @param corrupted one of as many tokens after which it is not
 */
record LensPatch(
    LensText clean,
    LensText corrupted,
    LensText.Source answer,
    LensText.Source wrong,
    Site site,
    Direction direction)
    implements LensQuestion {
  /** Tokens of all runs together. */
  private static final long MAX_WORK = 1 << 16;

  static LensPatch read(Fields fields) {
    String site =
        fields.oneOf(
            "site", "resid_pre", "resid_pre", "attn_out", "mlp_out", "head", "head_by_position");
    return new LensPatch(
        LensText.plain(fields.required("clean")),
        LensText.plain(fields.required("corrupted")),
        LensText.token(fields.required("answer")),
        LensText.token(fields.required("wrong")),
        Site.valueOf(site.toUpperCase(Locale.ROOT)),
        Direction.valueOf(
            fields
                .oneOf("direction", "denoising", "denoising", "noising")
                .toUpperCase(Locale.ROOT)));
  }

  @Override
  public Answer of(ServedModel model) {
    int[] cleanTokens = clean.tokens(model);
    int[] corruptedTokens = corrupted.tokens(model);
    int right = answer.encode(model)[0];
    int other = wrong.encode(model)[0];
    Lens lens = Lens.of(model.model());
    requireRuns("clean", runs(model, cleanTokens.length), cleanTokens.length);
    ActivationPatching patching =
        ActivationPatching.of(lens, cleanTokens, corruptedTokens, right, other, site, direction);
    Map<String, Object> json = LensText.head(model, cleanTokens);
    json.put("corrupted_tokens", corruptedTokens);
    json.put("answer", right);
    json.put("wrong", other);
    json.put("site", site.name().toLowerCase(Locale.ROOT));
    json.put("direction", direction.name().toLowerCase(Locale.ROOT));
    json.put("clean_logit_difference", patching.clean());
    json.put("corrupted_logit_difference", patching.corrupted());
    json.put("rows", patching.rows());
    json.put("columns", patching.columns());
    json.put("scores", patching.scores());
    return Answer.json(json);
  }

  /** A run for each component. */
  private long runs(ServedModel model, int tokens) {
    int layers = model.model().architecture().layers();
    int heads = model.model().architecture().heads();
    return switch (site) {
      case RESID_PRE, ATTN_OUT, MLP_OUT -> (long) layers * tokens;
      case HEAD -> (long) layers * heads;
      case HEAD_BY_POSITION -> (long) layers * heads * tokens;
    };
  }

  /** Checks the work of many runs. */
  static void requireRuns(String path, long runs, int tokens) {
    LensText.requireAtMost(path, Math.multiplyExact(runs, tokens), "tokens of runs", MAX_WORK);
  }
}
