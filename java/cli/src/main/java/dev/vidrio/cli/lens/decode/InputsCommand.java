package dev.vidrio.cli.lens.decode;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.Measured;
import dev.vidrio.cli.lens.option.MetricOption;
import dev.vidrio.cli.lens.option.NeuronName;
import dev.vidrio.cli.lens.option.TargetOption;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.cli.option.OptionValues;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.MetricKind;
import dev.vidrio.lens.decode.InputSearch;
import dev.vidrio.lens.decode.InputSearch.Options;
import dev.vidrio.model.Model;
import dev.vidrio.tokenizer.EncodeOptions;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens inputs}. */
@Command(
    name = "inputs",
    description = {
      "Inputs found by optimization: searches the tokens for which a neuron is most active, or"
          + " after which a --metric of the prediction is largest.",
      "Greedy coordinate gradient: in each step, the gradient ranks replacements of each token,"
          + " and some of them run; the best is kept. -p is a text before the tokens, which stays."
    })
public final class InputsCommand extends ModelCommand<InputsCommand.Found> {
  /** The command, for errors about metrics without a gradient. */
  private static final String METHOD = "lens inputs";

  @Mixin private TextInput input = new TextInput();
  @Mixin private TargetOption target = new TargetOption();
  @Mixin private MetricOption metric = new MetricOption();

  @Option(
      names = "--neuron",
      paramLabel = "HOOK:N",
      description = "Element N at a hook point, such as blocks.2.mlp.hook_post:17.")
  private @Nullable String neuron;

  @Option(
      names = {"-n", "--tokens"},
      paramLabel = "N",
      description = "Number of tokens to find.")
  private int length = Options.DEFAULT.length();

  @Option(names = "--steps", paramLabel = "N", description = "Maximum number of steps.")
  private int steps = Options.DEFAULT.steps();

  @Option(
      names = "--candidates",
      paramLabel = "K",
      description = "Replacements of each token that the gradient ranks first.")
  private int candidates = Options.DEFAULT.candidates();

  @Option(
      names = "--trials",
      paramLabel = "N",
      description = "Replacements that run in each step, drawn from these.")
  private int trials = Options.DEFAULT.trials();

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Seed of the first tokens and the replacements.")
  private long seed;

  private int[] before = new int[0];

  /**
   * The found tokens.
   *
   * @param name of what is maximized
   * @param measured the metric, or null for a neuron
   */
  record Found(String name, @Nullable Measured measured, InputSearch search) {}

  @Override
  protected void check() {
    boolean measured = metric.isGiven() || target.isGiven();
    if ((neuron != null) == measured) {
      throw new UsageException("needs either --neuron, or --token or another --metric");
    }
    metric.requireGradient(METHOD, false);
  }

  @Override
  protected Found run(Model opened) {
    Lens lens = Lens.of(opened);
    before =
        input.isPresent()
            ? input.requiredIds(opened)
            : opened.tokenizer().encode("", EncodeOptions.DEFAULT);
    Options options = OptionValues.of(() -> new Options(length, steps, candidates, trials, seed));
    if (neuron != null) {
      return new Found(
          "activation of " + neuron,
          null,
          InputSearch.of(lens, before, NeuronName.parse(lens, neuron), options));
    }
    Measured measured = target.of(lens, before, metric, MetricKind.LOGIT);
    DifferentiableMetric explained = measured.differentiable(METHOD);
    return new Found(measured.name(), measured, InputSearch.of(lens, before, explained, options));
  }

  private static int[] ids(InputSearch search) {
    return search.tokens().stream().mapToInt(Integer::intValue).toArray();
  }

  @Override
  protected void print(Found found) {
    InputSearch search = found.search;
    System.out.printf(
        "%s: %.3f with random tokens, %.3f after %d replacements%n",
        found.name, search.steps().getFirst(), search.value(), search.steps().size() - 1);
    for (int token : ids(search)) {
      System.out.println(TokenText.of(model(), token));
    }
    Hint.print("'vidrio lens examples' finds natural texts; --seed begins elsewhere.");
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    if (found.measured == null) {
      object.put("neuron", neuron);
    } else {
      found.measured.fill(object);
    }
    object.put("before", before);
    object.put("tokens", ids(found.search));
    object.put("text", model().tokenizer().decode(ids(found.search)));
    object.put("value", found.search.value());
    object.put("steps", found.search.steps());
  }
}
