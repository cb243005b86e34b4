package dev.vidrio.cli.lens.fact;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.InputOutput;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.ProgressBar;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.EstimateText;
import dev.vidrio.cli.lens.option.FastGradientsOption;
import dev.vidrio.cli.lens.option.LayerNumber;
import dev.vidrio.cli.lens.option.OutputFile;
import dev.vidrio.cli.lens.option.TabbedLines;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.cli.option.OptionValues;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.TextChunks;
import dev.vidrio.lens.fact.Fact;
import dev.vidrio.lens.fact.LowRankUpdate;
import dev.vidrio.lens.fact.Rewrite;
import dev.vidrio.lens.fact.RewriteScores;
import dev.vidrio.lens.fact.RewriteValue;
import dev.vidrio.lens.fact.Rewriter;
import dev.vidrio.lens.fact.Rewriter.Method;
import dev.vidrio.lens.fact.Rewriter.Optimization;
import dev.vidrio.lens.fact.Rewriter.Options;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens rewrite}. */
@Command(
    name = "rewrite",
    description = {
      "Rewriting of facts: changes what a model recalls, by ROME or MEMIT, as a LoRA adapter.",
      "The update changes output matrices of feed-forward blocks. -o writes it as a file for"
          + " --adapter of other commands and of the server. The table compares the model before"
          + " and after: efficacy and paraphrase are the shares of prompts and paraphrases for"
          + " which the target is more likely than the old answer, neighborhood is the share of"
          + " other subjects that keep their answer, accuracy the share of prompts with the"
          + " target as the most likely token."
    })
public final class RewriteFactsCommand extends ModelCommand<RewriteFactsCommand.Found> {
  private static final int LENGTH = 128;

  /** Tokens of a prefix of a prompt. */
  private static final int PREFIX = 8;

  @Mixin private FastGradientsOption fast = new FastGradientsOption();

  @Option(
      names = {"-f", "--file"},
      paramLabel = "FILE",
      required = true,
      description =
          "A file with a fact on each line: the subject, a prompt with {} for it, the answer, the"
              + " target, and if wanted paraphrases of the prompt and neighbors (other subjects"
              + " with the same answer), separated by |. Fields are separated by tab characters.")
  private Path file = Path.of("");

  @Option(
      names = "--limit",
      paramLabel = "N",
      description = "Use at most the first N facts. Default: all.")
  private @Nullable Integer limit;

  @Option(
      names = "--text",
      paramLabel = "FILE",
      required = true,
      description = "A text: the update must not change its keys, and its parts precede prompts.")
  private Path text = Path.of("");

  @Option(
      names = "--method",
      paramLabel = "METHOD",
      defaultValue = "rome",
      description = "${COMPLETION-CANDIDATES}.")
  private Method method = Method.ROME;

  @Option(
      names = "--layer",
      paramLabel = "N",
      description =
          "The layer to change, or the last one of memit. Default: a twelfth of the layers, where"
              + " small models recognize a subject; for memit the next one.")
  private @Nullable Integer layer;

  @Option(names = "--layers", paramLabel = "N", description = "The number of layers of memit.")
  private int layers = 3;

  @Option(
      names = "--together",
      description =
          "Judge all rewrites in one adapter, as memit always does. Default for rome: each rewrite"
              + " alone, as its authors do.")
  private boolean together;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE.gguf",
      description = "Write all rewrites as one adapter.")
  private @Nullable Path output;

  @Option(names = "--prefixes", paramLabel = "N", description = "Texts before each prompt.")
  private int prefixes = 4;

  @Option(names = "--steps", paramLabel = "N", description = "Maximum gradient steps per fact.")
  private int steps = 20;

  @Option(
      names = "--rate",
      paramLabel = "X",
      defaultValue = "0.5",
      description = "Size of a step, in root mean squares of the value.")
  private double rate = 0.5;

  @Option(
      names = "--enough",
      paramLabel = "P",
      defaultValue = "0.6",
      description =
          "Probability of the target at which the steps end: further ones change other subjects"
              + " more.")
  private double enough = 0.6;

  @Option(
      names = "--clamp",
      paramLabel = "X",
      defaultValue = "1.2",
      description = "Maximum length of the change, relative to the value.")
  private double clamp = 1.2;

  @Option(
      names = "--decay",
      paramLabel = "X",
      defaultValue = "0.5",
      description = "Factor of the squared length of the change in the loss.")
  private double decay = 0.5;

  @Option(
      names = "--divergence",
      paramLabel = "X",
      defaultValue = "0.0625",
      description = "Factor in the loss of the divergence of what follows \"SUBJECT is a\".")
  private double divergence = 0.0625;

  @Option(
      names = "--weight",
      paramLabel = "X",
      defaultValue = "0.9",
      description =
          "Weight of the text's keys against those of the facts, for memit, as a multiple of the"
              + " number of neurons.")
  private double weight = 0.9;

  @Option(
      names = "--ridge",
      paramLabel = "X",
      defaultValue = "0.01",
      description = "Added to the diagonal of the keys' covariance, relative to its mean.")
  private double ridge = 0.01;

  /**
   * The rewrites and their scores.
   *
   * @param interference the part of a change that the keys of neighbors receive
   * @param rank of the updates
   */
  record Found(
      List<Rewrite> rewrites,
      List<RewriteValue> values,
      Estimate interference,
      Options options,
      RewriteScores before,
      RewriteScores after,
      int rank) {}

  @Override
  protected void check() {
    if (output != null) {
      OutputFile.check(output, ".gguf");
    }
    if (limit != null) {
      UsageException.requireAtLeast("--limit", limit, 1);
    }
  }

  @Override
  protected Found run(Model opened) throws IOException {
    List<Rewrite> rewrites = read();
    int chosen = layer == null ? defaultLayer(opened) : LayerNumber.of(opened, layer);
    int[] tokens = opened.tokenizer().encode(InputOutput.read(text));
    List<int[]> chunks =
        TextChunks.of(opened, tokens, Math.min(LENGTH, opened.architecture().contextLength()));
    List<String> before = prefixes(opened, tokens);
    Options options =
        (method == Method.ROME
                ? Options.rome(chosen, before)
                : Options.memit(chosen, Math.min(layers, chosen + 1), before))
            .withOptimization(
                OptionValues.of(
                    () -> new Optimization(steps, rate, enough, divergence, decay, clamp)))
            .withWeights(method == Method.ROME ? 0 : weight, ridge);
    Lens lens = Lens.of(opened);
    var rewriter = new Rewriter(fast.of(lens), chunks, options);
    List<RewriteValue> values = new ArrayList<>();
    try (var bar = new ProgressBar("values")) {
      for (int i = 0; i < rewrites.size(); i++) {
        bar.update(i / (double) rewrites.size(), "");
        values.add(rewriter.value(rewrites.get(i)));
      }
    }
    boolean whole = together || method == Method.MEMIT;
    List<LowRankUpdate> updates = whole || output != null ? rewriter.rewrite(rewrites) : List.of();
    if (output != null) {
      LowRankUpdate.write(output, opened, updates);
    }
    var counter = new RewriteScores.Counter();
    for (int i = 0; i < (whole ? 1 : rewrites.size()); i++) {
      List<Rewrite> some = whole ? rewrites : rewrites.subList(i, i + 1);
      Rewriter.with(
          lens,
          whole ? updates : rewriter.rewrite(some),
          changed -> some.forEach(rewrite -> counter.add(changed, rewrite)));
    }
    double[] interference =
        rewrites.stream()
            .flatMap(rewrite -> rewriter.interference(rewrite).stream())
            .mapToDouble(Double::doubleValue)
            .toArray();
    return new Found(
        rewrites,
        values,
        Estimate.of(interference),
        options,
        RewriteScores.of(lens, rewrites),
        counter.scores(),
        whole || output != null ? rewrites.size() : 1);
  }

  private int defaultLayer(Model opened) {
    int count = opened.architecture().layers();
    return Math.min(count - 1, count / 12 + (method == Method.ROME ? 0 : 1));
  }

  private List<Rewrite> read() {
    String names = "a subject, a prompt, an answer, a target, paraphrases and neighbors";
    List<List<String>> rows = TabbedLines.read(file, 4, 6, names);
    return rows.stream()
        .limit(limit == null ? rows.size() : limit)
        .map(
            row ->
                new Rewrite(
                    row.get(0),
                    row.get(1),
                    row.get(2),
                    row.get(3),
                    list(row.get(4)),
                    list(row.get(5))))
        .toList();
  }

  private static List<String> list(String field) {
    return Arrays.stream(field.split("\\|")).filter(part -> !part.isBlank()).toList();
  }

  /** Returns an empty prefix and parts of a text, at regular distances. */
  private List<String> prefixes(Model opened, int[] tokens) {
    List<String> found = new ArrayList<>(List.of(""));
    for (int i = 1; i < prefixes && tokens.length >= PREFIX; i++) {
      int from = (int) ((long) i * (tokens.length - PREFIX) / prefixes);
      String part =
          opened.tokenizer().decode(Arrays.copyOfRange(tokens, from, from + PREFIX)).strip();
      found.add(part.replace(Fact.SUBJECT, "") + ". ");
    }
    return found;
  }

  @Override
  protected void print(Found found) {
    String where =
        found.options.method() == Method.ROME
            ? "layer " + found.options.layer()
            : "layers "
                + (found.options.layer() - found.options.layers() + 1)
                + " to "
                + found.options.layer();
    System.out.printf(
        "%d rewrites by %s at %s, rank %d; gradient steps %.1f, probability of the target %.3f to"
            + " %.3f%n",
        found.rewrites.size(),
        method.name(),
        where,
        found.rank,
        found.values.stream().mapToInt(RewriteValue::steps).average().orElse(0),
        found.values.stream().mapToDouble(RewriteValue::before).average().orElse(0),
        found.values.stream().mapToDouble(RewriteValue::after).average().orElse(0));
    System.out.println("in %, ± 95 % interval        before            after");
    row("efficacy", RewriteScores::efficacy, found);
    row("accuracy", RewriteScores::accuracy, found);
    row("paraphrase", RewriteScores::paraphrase, found);
    row("neighborhood", RewriteScores::neighborhood, found);
    if (found.interference.count() > 0) {
      System.out.printf(
          "keys of neighbors receive %s %% of a change of layer %d%n",
          EstimateText.percent(found.interference), found.options.layer());
    }
    if (output != null) {
      Hint.print("'vidrio run --adapter " + output + "' runs the changed model.");
    }
  }

  private static void row(String name, Function<RewriteScores, Estimate> score, Found found) {
    if (score.apply(found.before).count() > 0) {
      System.out.printf(
          "%-18s %16s %16s%n",
          name,
          EstimateText.percent(score.apply(found.before)),
          EstimateText.percent(score.apply(found.after)));
    }
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    object.put("method", method.name().toLowerCase(Locale.ROOT));
    object.put("layer", found.options.layer());
    object.put("layers", found.options.layers());
    object.put("rank", found.rank);
    if (output != null) {
      object.put("file", output.toString());
    }
    object.put("interference", EstimateText.toJson(found.interference));
    object.put("before", toJson(found.before));
    object.put("after", toJson(found.after));
    object.put(
        "rewrites",
        Stream.iterate(0, i -> i < found.rewrites.size(), i -> i + 1)
            .map(
                i ->
                    new JsonObject()
                        .with("subject", found.rewrites.get(i).subject())
                        .with("target", found.rewrites.get(i).target())
                        .with("steps", found.values.get(i).steps())
                        .with("probability_before", found.values.get(i).before())
                        .with("probability_after", found.values.get(i).after()))
            .toList());
  }

  private static JsonObject toJson(RewriteScores scores) {
    return new JsonObject()
        .with("efficacy", EstimateText.toJson(scores.efficacy()))
        .with("accuracy", EstimateText.toJson(scores.accuracy()))
        .with("paraphrase", EstimateText.toJson(scores.paraphrase()))
        .with("neighborhood", EstimateText.toJson(scores.neighborhood()));
  }
}
