package dev.vidrio.cli.lens.circuit;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.InputOutput;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.ProgressBar;
import dev.vidrio.cli.lens.option.DataOption;
import dev.vidrio.cli.lens.option.MetricOption;
import dev.vidrio.cli.lens.option.PageCommand;
import dev.vidrio.cli.option.JsonHelp;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.MetricKind;
import dev.vidrio.lens.MetricSpec;
import dev.vidrio.lens.circuit.CausalScrubbing;
import dev.vidrio.lens.circuit.ScrubHypothesis;
import dev.vidrio.lens.circuit.ScrubHypothesisFile;
import dev.vidrio.lens.circuit.ScrubText;
import dev.vidrio.lens.dataset.PairText;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.lens.page.Bars;
import dev.vidrio.lens.page.View;
import dev.vidrio.model.Model;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens scrub}. */
@Command(
    name = "scrub",
    description = {
      "Causal scrubbing: tests a hypothesis about how a model computes an answer.",
      "Each activation is exchanged for that of another text which, by the hypothesis, is as good:"
          + " the outputs of claimed components for those of texts that agree on what the claim"
          + " depends on, everything else for that of random texts. Prints the share of the metric"
          + " that is recovered: 100 %% as the model, 0 %% as the logits of random texts; intervals"
          + " are over seeds.",
      "A hypothesis is a JSON file: {\"logits\": [CLAIM, …], \"claims\": {CLAIM: {\"components\":"
          + " [\"L3.H7\", …], \"positions\": [-1, …], \"depends_on\": [PROPERTY, …], \"inputs\":"
          + " {\"q\": [CLAIM, …], \"k\": …, \"v\": …}}}}. Components are named embed, L3.H7 and"
          + " L3.mlp, with * for any characters. A claim without inputs is computed from a whole"
          + " text; a list of inputs is read by all inputs of its components.",
      "Properties are answer, wrong, text (all tokens), token[N] (a position; negative from the"
          + " end) and other fields of the lines of a JSONL file."
    })
@JsonHelp("Print JSON, with the draws and the values of each text.")
public final class ScrubCommand extends PageCommand<ScrubCommand.Found> {
  /** Components of a claim to name. */
  private static final int NAMED = 6;

  @Option(
      names = "--hypothesis",
      paramLabel = "FILE.json",
      required = true,
      description = "A hypothesis; may be repeated, to test several on the same texts and seeds.")
  private List<Path> files = List.of();

  @Option(
      names = "--pairs",
      paramLabel = "FILE",
      required = true,
      description =
          "A data set, as of 'vidrio lens dataset': each clean text with its answers. Texts are"
              + " resampled among those with equally many tokens.")
  private Path pairs = Path.of("");

  @Mixin private MetricOption metric = new MetricOption();

  @Option(
      names = "--each",
      description =
          "Also test the hypothesis with the model's own outputs of each claim in turn: the share"
              + " that is recovered if only the other claims lose.")
  private boolean each;

  @Option(names = "--runs", paramLabel = "N", description = "Runs over all texts, of a seed each.")
  private int runs = 10;

  @Option(names = "--seed", paramLabel = "N", description = "Seed of the first run's draws.")
  private long seed;

  /**
   * The result of a hypothesis.
   *
   * @param name of its file
   * @param exact the recovered share with the model's own outputs of each claim, by claim; empty
   *     unless requested
   */
  private record Tested(String name, CausalScrubbing result, Map<String, Estimate> exact) {}

  /**
   * The results.
   *
   * @param texts number of texts
   */
  record Found(int texts, List<Tested> tested) {
    CausalScrubbing first() {
      return tested.getFirst().result;
    }
  }

  @Override
  protected void check() {
    super.check();
    if (runs < 1) {
      throw new InvalidInputException("runs", runs, "must be at least 1");
    }
  }

  private MetricSpec spec() {
    return metric.or(MetricKind.LOGIT_DIFF);
  }

  @Override
  protected Found run(Model opened) {
    Lens lens = Lens.of(opened);
    List<ScrubHypothesis> hypotheses =
        files.stream()
            .map(file -> ScrubHypothesisFile.parse(file.toString(), InputOutput.read(file)))
            .toList();
    List<PairText> lines = DataOption.read(pairs, spec());
    List<ScrubText> texts =
        IntStream.range(0, lines.size())
            .mapToObj(i -> ScrubText.of(lens, lines.get(i), spec(), " of line " + (i + 1)))
            .toList();
    int tests = hypotheses.stream().mapToInt(one -> each ? 1 + one.claims().size() : 1).sum();
    List<Tested> tested = new ArrayList<>();
    try (var bar = new ProgressBar("runs")) {
      var tester = new Tester(lens, texts, seeds(), tests, bar);
      for (int i = 0; i < hypotheses.size(); i++) {
        ScrubHypothesis hypothesis = hypotheses.get(i);
        CausalScrubbing result = tester.test(hypothesis);
        Map<String, Estimate> exact = new LinkedHashMap<>();
        if (each) {
          for (String claim : hypothesis.claims().keySet()) {
            exact.put(claim, tester.test(hypothesis.withWholeText(claim)).recovered());
          }
        }
        tested.add(new Tested(String.valueOf(files.get(i).getFileName()), result, exact));
      }
    }
    return new Found(texts.size(), tested);
  }

  private List<Long> seeds() {
    return LongStream.range(seed, seed + runs).boxed().toList();
  }

  /** Tests hypotheses on the same texts and seeds. */
  private static final class Tester {
    final Lens lens;
    final List<ScrubText> texts;
    final List<Long> seeds;
    final int tests;
    final ProgressBar bar;
    int done;

    Tester(Lens lens, List<ScrubText> texts, List<Long> seeds, int tests, ProgressBar bar) {
      this.lens = lens;
      this.texts = texts;
      this.seeds = seeds;
      this.tests = tests;
      this.bar = bar;
    }

    CausalScrubbing test(ScrubHypothesis hypothesis) {
      var result =
          CausalScrubbing.of(
              lens, texts, hypothesis, seeds, share -> bar.update((done + share) / tests, ""));
      done++;
      return result;
    }
  }

  private String summary(Found found) {
    return String.format(
        "%s, mean of %d texts: model %s, random texts %s",
        spec().kind().label(),
        found.texts,
        Estimate.of(found.first().model()),
        Estimate.of(found.first().random()));
  }

  @Override
  protected void print(Found found) {
    System.out.println(summary(found));
    int width =
        Math.max(
            "hypothesis".length(),
            found.tested.stream().mapToInt(tested -> tested.name.length()).max().orElse(0));
    String row = "%-" + width + "s  %16s  %14s%n";
    System.out.printf(row, "hypothesis", "scrubbed", "recovered, %");
    for (Tested tested : found.tested) {
      CausalScrubbing result = tested.result;
      System.out.printf(
          row, tested.name, result.scrubbed(), result.recovered().format("%.1f", 100));
    }
    if (found.tested.size() == 1) {
      printClaims(found.tested.getFirst());
    }
    Hint.print("'vidrio lens edges' finds components that a hypothesis could claim.");
  }

  private static void printClaims(Tested tested) {
    List<CausalScrubbing.Agreement> claims = tested.result.claims();
    int width =
        Math.max(
            "claim".length(),
            claims.stream().mapToInt(claim -> claim.claim().length()).max().orElse(0));
    boolean each = !tested.exact.isEmpty();
    String exact = each ? String.format("  %14s", "exact, %") : "";
    System.out.printf("%-" + width + "s  %8s%s  components%n", "claim", "agreeing", exact);
    for (CausalScrubbing.Agreement claim : claims) {
      Estimate without = tested.exact.get(claim.claim());
      String share = without == null ? "" : String.format("  %14s", without.format("%.1f", 100));
      System.out.printf(
          "%-" + width + "s  %8.1f%s  %s%n",
          claim.claim(),
          claim.agreeing(),
          share,
          components(claim.components()));
    }
  }

  private static String components(List<String> names) {
    String more = names.size() > NAMED ? ", … (" + names.size() + ")" : "";
    return String.join(", ", names.subList(0, Math.min(NAMED, names.size()))) + more;
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    object.put("metric_kind", spec().kind().key());
    object.put("texts", found.texts);
    object.put("model_metric", Estimate.of(found.first().model()).mean());
    object.put("random_metric", Estimate.of(found.first().random()).mean());
    object.put("model_values", found.first().model());
    object.put("random_values", found.first().random());
    object.put("hypotheses", found.tested.stream().map(ScrubCommand::toJson).toList());
  }

  private static JsonObject toJson(Tested tested) {
    CausalScrubbing result = tested.result;
    return new JsonObject()
        .with("name", tested.name)
        .with("scrubbed", result.scrubbed().mean())
        .with("scrubbed_half_width", Json.finite(result.scrubbed().halfWidth()))
        .with("recovered", result.recovered().mean())
        .with("recovered_half_width", Json.finite(result.recovered().halfWidth()))
        .with(
            "claims",
            result.claims().stream()
                .map(claim -> toJson(claim, tested.exact.get(claim.claim())))
                .toList())
        .with("branches", result.branches())
        .with(
            "runs",
            result.runs().stream()
                .map(
                    run ->
                        new JsonObject()
                            .with("seed", run.seed())
                            .with("recovered", run.recovered())
                            .with("values", run.values())
                            .with("agreeing", run.agreeing())
                            .with("unclaimed", run.unclaimed()))
                .toList());
  }

  private static JsonObject toJson(CausalScrubbing.Agreement claim, @Nullable Estimate exact) {
    JsonObject json =
        new JsonObject()
            .with("claim", claim.claim())
            .with("components", claim.components())
            .with("agreeing_texts", claim.agreeing());
    return exact == null
        ? json
        : json.with("exact_recovered", exact.mean())
            .with("exact_recovered_half_width", Json.finite(exact.halfWidth()));
  }

  @Override
  protected List<? extends View> views(Found found) {
    List<Bars.Bar> bars =
        found.tested.stream()
            .map(
                tested ->
                    new Bars.Bar(
                        tested.name + ", " + tested.result.recovered().format("%.1f", 100) + " %",
                        tested.result.recovered().mean()))
            .toList();
    return List.of(
        new Bars("Recovered share of the " + spec().kind().label(), summary(found), bars));
  }
}
