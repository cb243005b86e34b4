package dev.vidrio.cli.lens.intervene;

import dev.vidrio.cli.io.HeatMap;
import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.EditOption;
import dev.vidrio.cli.lens.option.FastGradientsOption;
import dev.vidrio.cli.lens.option.HalfWidths;
import dev.vidrio.cli.lens.option.PairsCommand;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.MetricSpec;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.intervene.ActivationPatching;
import dev.vidrio.lens.intervene.ActivationPatching.Direction;
import dev.vidrio.lens.intervene.ActivationPatching.Site;
import dev.vidrio.lens.intervene.AtpStar;
import dev.vidrio.lens.intervene.AttributionPatching;
import dev.vidrio.lens.page.View;
import dev.vidrio.lens.page.Views;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens patch}. */
@Command(
    name = "patch",
    description = {
      "Activation patching: finds the components that carry what two texts differ in.",
      "Replaces the activation of one component at a time by that of the other text. The table"
          + " shows how much of the logit difference of the two answers, or of another --metric, is"
          + " recovered, from 0 (corrupted text) to 100 (clean text)."
    })
public final class PatchCommand extends PairsCommand<PatchCommand.Found> {
  /** The sites that AtP* supports. */
  private static final Map<Site, HookSite> STARRED =
      Map.of(Site.Q, HookSite.Q, Site.K, HookSite.K, Site.V, HookSite.V);

  @Mixin private FastGradientsOption gradients = new FastGradientsOption();
  @Mixin private EditOption edits = new EditOption();

  @Option(
      names = "--site",
      paramLabel = "SITE",
      defaultValue = "resid_pre",
      description = "The activation to patch: ${COMPLETION-CANDIDATES}.")
  private Site site = Site.RESID_PRE;

  @Option(
      names = "--direction",
      paramLabel = "WAY",
      defaultValue = "denoising",
      description =
          "denoising patches clean activations into the corrupted run, noising corrupted ones into"
              + " the clean run.")
  private Direction direction = Direction.DENOISING;

  @Option(
      names = "--attribution",
      description =
          "Estimate all scores by gradients: two forward passes and one backward pass (attribution"
              + " patching).")
  private boolean attribution;

  @Option(
      names = "--star",
      description =
          "With --attribution of q, k or v: AtP*, which recomputes the attention softmax and ranks"
              + " layers by magnitudes that cannot cancel.")
  private boolean star;

  @Option(
      names = "--top",
      paramLabel = "K",
      description = "Rows to print, those with the largest changes; JSON has all.")
  private int top = 40;

  /**
   * The scores of the components.
   *
   * @param starred the estimates of AtP*; null if not requested
   */
  record Found(ActivationPatching patching, @Nullable AtpStar starred, double seconds) {}

  @Override
  protected void check() {
    super.check();
    if (gradients.asked() && !attribution) {
      throw new UsageException("--fast: gradients are taken by --attribution only");
    }
    if (star && !(attribution && STARRED.containsKey(site))) {
      throw new UsageException("--star: requires --attribution and --site q, k or v");
    }
  }

  @Override
  protected void requireMetric(MetricSpec spec) {
    // The gradient is that of the patched run, which AtP* and noising take to be the clean one.
    if (attribution && direction == Direction.NOISING) {
      spec.requireCleanGradient("--attribution with --direction noising");
    } else if (attribution) {
      spec.requireDifferentiable("--attribution");
    }
  }

  @Override
  protected Found run(Lens exact, List<TextPair> pairs) {
    if (pairs.size() > 1) {
      edits.requireOneText();
    }
    Lens lens = gradients.of(edits.apply(exact, pairs.getFirst().clean()));
    long start = System.nanoTime();
    AtpStar starred = star ? atpStar(lens, pairs) : null;
    ActivationPatching patching;
    if (starred != null) {
      patching = starred.scores(site, direction);
    } else if (attribution) {
      patching = AttributionPatching.of(lens, pairs, site, direction);
    } else {
      patching = ActivationPatching.of(lens, pairs, site, direction);
    }
    return new Found(patching, starred, (System.nanoTime() - start) / 1e9);
  }

  /** Returns the AtP* estimates for the patched run. */
  private AtpStar atpStar(Lens lens, List<TextPair> pairs) {
    List<TextPair> patched =
        direction == Direction.NOISING ? pairs : pairs.stream().map(TextPair::swapped).toList();
    return AtpStar.of(lens, patched, Objects.requireNonNull(STARRED.get(site)));
  }

  @Override
  protected void print(Found found) {
    ActivationPatching patching = found.patching;
    System.out.println(runs(patching.clean(), patching.corrupted()));
    if (site.byPosition() && judged().size() == 1) {
      print(judged().getFirst().pair());
    }
    System.out.printf(
        "%% of %s recovered (0 corrupted, 100 clean), by layer and %s%n",
        metric().kind().label(), site.byPosition() ? "position" : "head");
    double untouched = direction == Direction.DENOISING ? 0 : 1;
    int[] shown =
        found.starred == null
            ? HeatMap.strongest(patching.scores(), untouched, top)
            : HeatMap.strongest(found.starred.magnitudes(), 0, top);
    HeatMap.print(
        IntStream.of(shown).mapToObj(patching.rows()::get).toList(),
        patching.columns(),
        IntStream.of(shown).mapToObj(patching.scores()::get).toList());
    HalfWidths.print(patching.halfWidths());
    Hint.print("'--site head' compares heads; 'vidrio lens path' follows direct paths.");
  }

  /** Prints the tokens of both texts. */
  private void print(TextPair pair) {
    System.out.println(" pos token");
    for (int p = 0; p < pair.clean().length; p++) {
      String token = TokenText.of(model(), pair.clean()[p]);
      String other = TokenText.of(model(), pair.corrupted()[p]);
      boolean differs = pair.clean()[p] != pair.corrupted()[p];
      System.out.printf("%4d %s%s%n", p, token, differs ? " corrupted " + other : "");
    }
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    ActivationPatching patching = found.patching;
    object.put("site", patching.site().name().toLowerCase(Locale.ROOT));
    object.put("direction", patching.direction().name().toLowerCase(Locale.ROOT));
    fillRuns(object, patching.clean(), patching.corrupted());
    object.put("rows", patching.rows());
    object.put("columns", patching.columns());
    object.put("scores", patching.scores());
    if (judged().size() > 1) {
      object.put("half_widths", HalfWidths.jsonTable(patching.halfWidths()));
    }
    List<JsonObject> pairs = judged().stream().map(PatchCommand::toJson).toList();
    if (pairs.size() == 1) {
      object.putAll(pairs.getFirst());
    } else {
      object.put("pairs", pairs);
    }
    object.put("attribution", attribution);
    if (found.starred != null) {
      object.put("magnitudes", found.starred.magnitudes());
    }
    object.put("seconds", found.seconds);
  }

  private static JsonObject toJson(Judged judged) {
    var object = new JsonObject();
    fillMetric(object, judged.metric());
    return object
        .with("clean_tokens", judged.pair().clean())
        .with("corrupted_tokens", judged.pair().corrupted());
  }

  @Override
  protected List<? extends View> views(Found found) {
    // With several pairs, a position has no single token.
    return List.of(Views.patching(model(), tokens(), found.patching, label()));
  }
}
