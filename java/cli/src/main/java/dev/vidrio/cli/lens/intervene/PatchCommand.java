package dev.vidrio.cli.lens.intervene;

import dev.vidrio.cli.io.HeatMap;
import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.Terminal;
import dev.vidrio.cli.lens.option.FastGradientsOption;
import dev.vidrio.cli.lens.option.PageOption;
import dev.vidrio.cli.lens.option.TextPairsOption;
import dev.vidrio.cli.lens.option.TextPairsOption.Judged;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.intervene.ActivationPatching;
import dev.vidrio.lens.intervene.ActivationPatching.Direction;
import dev.vidrio.lens.intervene.ActivationPatching.Site;
import dev.vidrio.lens.intervene.AtpStar;
import dev.vidrio.lens.intervene.AttributionPatching;
import dev.vidrio.lens.page.Views;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code vidrio lens patch}. */
@Command(
    name = "patch",
    description = {
      "Activation patching: finds the components that carry what two texts" + " differ in.",
      "Replaces the activation of one component at a time by that of the other"
          + " text. The table shows how much of the logit difference of the two answers is"
          + " recovered, from 0 (corrupted text) to 100 (clean text)."
    })
public final class PatchCommand implements Callable<Integer> {
  /** The sites that AtP* supports. */
  private static final Set<Site> STARRED = EnumSet.of(Site.Q, Site.K, Site.V);

  @Mixin private ModelOption model = new ModelOption();
  @Mixin private TextPairsOption texts = new TextPairsOption();
  @Mixin private FastGradientsOption gradients = new FastGradientsOption();
  @Mixin private PageOption page = new PageOption();

  @Spec private CommandSpec command = CommandSpec.create();

  @Option(
      names = "--site",
      paramLabel = "SITE",
      defaultValue = "resid_pre",
      description = "The activation to patch: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
  private Site site = Site.RESID_PRE;

  @Option(
      names = "--direction",
      paramLabel = "WAY",
      defaultValue = "denoising",
      description =
          "denoising patches clean activations into the corrupted run, noising"
              + " corrupted ones into the clean run. Default: ${DEFAULT-VALUE}.")
  private Direction direction = Direction.DENOISING;

  @Option(
      names = "--attribution",
      description =
          "Estimate all scores by gradients: two forward passes and one backward"
              + " pass (attribution patching).")
  private boolean attribution;

  @Option(
      names = "--star",
      description =
          "With --attribution of q, k or v: AtP*, which recomputes the attention softmax and"
              + " ranks layers by magnitudes that cannot cancel.")
  private boolean star;

  @Option(
      names = "--top",
      paramLabel = "K",
      description =
          "Rows to print, those with the largest changes; JSON has all. Default:"
              + " ${DEFAULT-VALUE}.")
  private int top = 40;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    page.check();
    if (gradients.asked() && !attribution) {
      throw new ParameterException(
          command.commandLine(), "--fast: gradients are taken by --attribution only");
    }
    if (star && !(attribution && STARRED.contains(site))) {
      throw new ParameterException(
          command.commandLine(), "--star: requires --attribution and --site q, k or v");
    }
    try (Model opened = model.open()) {
      List<Judged> all = texts.all(opened);
      List<TextPair> pairs = TextPairsOption.pairs(all);
      // With several pairs, a position has no single token.
      int[] tokens = TextPairsOption.tokens(pairs);
      Lens lens = gradients.lens(opened);
      long start = System.nanoTime();
      AtpStar starred = star ? atpStar(lens, pairs) : null;
      ActivationPatching patching = patching(lens, pairs, starred);
      double seconds = (System.nanoTime() - start) / 1e9;
      if (page.isWanted()) {
        page.write(
            opened, "vidrio lens patch", tokens, List.of(Views.patching(opened, tokens, patching)));
      } else if (json) {
        Map<String, Object> result = contents(opened, patching, all);
        result.put("attribution", attribution);
        if (starred != null) {
          result.put("magnitudes", starred.magnitudes());
        }
        result.put("seconds", seconds);
        Json.print(result);
      } else {
        print(opened, patching, starred, pairs);
      }
    }
    return 0;
  }

  /** Returns the AtP* estimates for the patched run. */
  private AtpStar atpStar(Lens lens, List<TextPair> pairs) {
    HookSite input =
        switch (site) {
          case K -> HookSite.K;
          case V -> HookSite.V;
          default -> HookSite.Q;
        };
    boolean noising = direction == Direction.NOISING;
    return AtpStar.of(
        lens, noising ? pairs : pairs.stream().map(TextPair::swapped).toList(), input);
  }

  private ActivationPatching patching(Lens lens, List<TextPair> pairs, @Nullable AtpStar starred) {
    if (starred != null) {
      return starred.scores(site, direction);
    }
    return attribution
        ? AttributionPatching.of(lens, pairs, site, direction)
        : ActivationPatching.of(lens, pairs, site, direction);
  }

  private void print(
      Model opened, ActivationPatching patching, @Nullable AtpStar starred, List<TextPair> pairs) {
    System.out.printf(
        "%s: clean %.3f, corrupted %.3f%n",
        TextPairsOption.difference(pairs.size()), patching.clean(), patching.corrupted());
    if (site.byPosition() && pairs.size() == 1) {
      print(opened, pairs.getFirst().clean(), pairs.getFirst().corrupted());
    }
    System.out.printf(
        "%% of logit difference recovered (0 corrupted, 100 clean), by layer and %s%n",
        site.byPosition() ? "position" : "head");
    double untouched = direction == Direction.DENOISING ? 0 : 1;
    int[] shown =
        starred == null
            ? HeatMap.strongest(patching.scores(), untouched, top)
            : HeatMap.strongest(starred.magnitudes(), 0, top);
    List<String> lines =
        new HeatMap(Terminal.OUT.isTerminal())
            .lines(
                IntStream.of(shown).mapToObj(patching.rows()::get).toList(),
                patching.columns(),
                IntStream.of(shown).mapToObj(patching.scores()::get).toList());
    lines.forEach(System.out::println);
    Hint.print("'--site head' compares heads; 'vidrio lens path' follows direct paths.");
  }

  /** Prints the tokens of both texts. */
  private static void print(Model opened, int[] clean, int[] corrupted) {
    System.out.println(" pos token");
    for (int p = 0; p < clean.length; p++) {
      String token = TokenText.of(opened, clean[p]);
      String instead =
          clean[p] == corrupted[p] ? "" : " corrupted " + TokenText.of(opened, corrupted[p]);
      System.out.println("%4d %s%s".formatted(p, token, instead));
    }
  }

  private static Map<String, Object> contents(
      Model opened, ActivationPatching patching, List<Judged> pairs) {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", opened.name());
    result.put("site", patching.site().name().toLowerCase(Locale.ROOT));
    result.put("direction", patching.direction().name().toLowerCase(Locale.ROOT));
    result.put("clean_logit_difference", patching.clean());
    result.put("corrupted_logit_difference", patching.corrupted());
    result.put("rows", patching.rows());
    result.put("columns", patching.columns());
    result.put("scores", patching.scores());
    if (pairs.size() == 1) {
      result.putAll(contents(pairs.getFirst()));
    } else {
      result.put("pairs", pairs.stream().map(PatchCommand::contents).toList());
    }
    return result;
  }

  private static Map<String, Object> contents(Judged judged) {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("answer", judged.answer());
    result.put("wrong", judged.wrong());
    result.put("clean_tokens", judged.pair().clean());
    result.put("corrupted_tokens", judged.pair().corrupted());
    return result;
  }
}
