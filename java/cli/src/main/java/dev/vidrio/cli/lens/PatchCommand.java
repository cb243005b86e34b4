package dev.vidrio.cli.lens;

import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.Terminal;
import dev.vidrio.cli.lens.option.FastGradientsOption;
import dev.vidrio.cli.lens.option.PageOption;
import dev.vidrio.cli.lens.option.TextPair;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.intervene.ActivationPatching;
import dev.vidrio.lens.intervene.ActivationPatching.Direction;
import dev.vidrio.lens.intervene.ActivationPatching.Site;
import dev.vidrio.lens.intervene.AttributionPatching;
import dev.vidrio.lens.page.Views;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
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
      "Each component in turn takes its activation from the run of the other"
          + " text. The table shows how far the logit difference of the two answers"
          + " moves, from 0 (corrupted text) to 100 (clean text)."
    })
final class PatchCommand implements Callable<Integer> {
  @Mixin private ModelOption model = new ModelOption();
  @Mixin private TextPair texts = new TextPair();
  @Mixin private FastGradientsOption gradients = new FastGradientsOption();
  @Mixin private PageOption page = new PageOption();

  @Spec private CommandSpec command = CommandSpec.create();

  @Option(
      names = "--site",
      paramLabel = "SITE",
      defaultValue = "resid_pre",
      description = "${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
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
      names = "--top",
      paramLabel = "K",
      defaultValue = "40",
      description =
          "Rows to print, those with the largest changes; JSON has all. Default:"
              + " ${DEFAULT-VALUE}.")
  private int top = 40;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  PatchCommand() {}

  @Override
  public Integer call() throws IOException {
    page.check();
    if (gradients.asked() && !attribution) {
      throw new ParameterException(
          command.commandLine(), "--fast: gradients are taken by --attribution only");
    }
    try (Model opened = model.open()) {
      int[] cleanIds = texts.clean(opened);
      int[] corruptIds = texts.corrupted(opened);
      int right = texts.answer(opened);
      int other = texts.wrong(opened);
      Lens lens = gradients.lens(opened);
      long start = System.nanoTime();
      ActivationPatching patching =
          attribution
              ? AttributionPatching.of(lens, cleanIds, corruptIds, right, other, site, direction)
              : ActivationPatching.of(lens, cleanIds, corruptIds, right, other, site, direction);
      double seconds = (System.nanoTime() - start) / 1e9;
      if (page.isWanted()) {
        page.write(
            opened,
            "vidrio lens patch",
            cleanIds,
            List.of(Views.patching(opened, cleanIds, patching)));
      } else if (json) {
        Map<String, Object> result = contents(opened, patching, right, other);
        result.put("clean_tokens", cleanIds);
        result.put("corrupted_tokens", corruptIds);
        result.put("attribution", attribution);
        result.put("seconds", seconds);
        Json.print(result);
      } else {
        print(opened, patching, cleanIds, corruptIds);
      }
    }
    return 0;
  }

  private void print(Model opened, ActivationPatching patching, int[] cleanIds, int[] corruptIds) {
    System.out.printf(
        Locale.ROOT,
        "logit difference: clean %.3f, corrupted %.3f%n",
        patching.clean(),
        patching.corrupted());
    if (site != Site.HEAD) {
      for (int p = 0; p < cleanIds.length; p++) {
        String token = TokenText.of(opened, cleanIds[p]);
        String instead =
            cleanIds[p] == corruptIds[p] ? "" : " corrupted " + TokenText.of(opened, corruptIds[p]);
        System.out.println("%4d %s%s".formatted(p, token, instead));
      }
    }
    int[] shown = strongest(patching);
    List<String> lines =
        new HeatMap(Terminal.OUT.isTerminal())
            .lines(
                IntStream.of(shown).mapToObj(patching.rows()::get).toList(),
                patching.columns(),
                IntStream.of(shown).mapToObj(patching.scores()::get).toList());
    lines.forEach(System.out::println);
  }

  /** The rows with the largest changes from the run that is patched, in the model's order. */
  private int[] strongest(ActivationPatching patching) {
    double untouched = direction == Direction.DENOISING ? 0 : 1;
    return IntStream.range(0, patching.rows().size())
        .boxed()
        .sorted(
            Comparator.comparingDouble(
                row ->
                    -patching.scores().get(row).stream()
                        .mapToDouble(score -> Math.abs(score - untouched))
                        .max()
                        .orElse(0)))
        .limit(Math.max(0, top))
        .sorted()
        .mapToInt(Integer::intValue)
        .toArray();
  }

  private static Map<String, Object> contents(
      Model opened, ActivationPatching patching, int answer, int wrong) {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", opened.name());
    result.put("site", patching.site().name().toLowerCase(Locale.ROOT));
    result.put("direction", patching.direction().name().toLowerCase(Locale.ROOT));
    result.put("answer", answer);
    result.put("wrong", wrong);
    result.put("clean_logit_difference", patching.clean());
    result.put("corrupted_logit_difference", patching.corrupted());
    result.put("rows", patching.rows());
    result.put("columns", patching.columns());
    result.put("scores", patching.scores());
    return result;
  }
}
