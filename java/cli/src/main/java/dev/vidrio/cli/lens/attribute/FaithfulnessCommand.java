package dev.vidrio.cli.lens.attribute;

import dev.vidrio.cli.io.CommandException;
import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.InputOutput;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.Measured;
import dev.vidrio.cli.lens.option.MetricOption;
import dev.vidrio.cli.lens.option.RemovalOption;
import dev.vidrio.cli.lens.option.TargetOption;
import dev.vidrio.cli.option.JsonHelp;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.kernel.pass.GradientRules;
import dev.vidrio.lens.DifferentiableMetric;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.MetricKind;
import dev.vidrio.lens.attribute.Faithfulness;
import dev.vidrio.lens.attribute.GradientAttribution;
import dev.vidrio.lens.attribute.IntegratedGradients;
import dev.vidrio.lens.attribute.KernelShap;
import dev.vidrio.lens.attribute.Lime;
import dev.vidrio.lens.attribute.Occlusion;
import dev.vidrio.lens.attribute.ShapleyValues;
import dev.vidrio.lens.attribute.SmoothGrad;
import dev.vidrio.lens.attribute.SpanGame;
import dev.vidrio.lens.attribute.TokenSpan;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.model.Model;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens faithfulness}. */
@Command(
    name = "faithfulness",
    description = {
      "Compares attribution methods: does the prediction depend on the tokens that they rank"
          + " first?",
      "For each text, f is the probability of the most likely next token, or another --metric."
          + " comprehensiveness: what f loses without the first portion of the tokens, the more the"
          + " better. sufficiency: what f loses with them alone, the less the better. Both are"
          + " means over the portions (AOPC) and the texts, with 95 %% intervals. The last columns"
          + " are the gains over random orders of the same text."
    })
@JsonHelp("Print JSON, with the scores of each text.")
public final class FaithfulnessCommand extends ModelCommand<FaithfulnessCommand.Found> {
  /** The methods that are compared. */
  private enum Method {
    GRADIENT,
    GRAD_X_INPUT,
    IG,
    SMOOTHGRAD,
    ATTN_LRP,
    CP_LRP,
    OCCLUSION,
    SHAPLEY,
    KERNEL_SHAP,
    LIME;

    /** Returns the name on the command line. */
    String label() {
      return name().toLowerCase(Locale.ROOT);
    }

    boolean removes() {
      return compareTo(OCCLUSION) >= 0;
    }
  }

  @Mixin private TextInput input = new TextInput();
  @Mixin private TargetOption target = new TargetOption();
  @Mixin private MetricOption metric = new MetricOption();
  @Mixin private RemovalOption removal = new RemovalOption();

  @Option(
      names = "--prompts",
      paramLabel = "FILE",
      description = "A file with a text on each line, instead of -p.")
  private @Nullable Path prompts;

  @Option(
      names = "--methods",
      paramLabel = "METHODS",
      split = ",",
      defaultValue = "gradient,grad_x_input,ig,attn_lrp,occlusion",
      description = "Methods of 'lens attribute', separated by commas: ${COMPLETION-CANDIDATES}.")
  private List<Method> methods = List.of();

  @Option(
      names = "--portions",
      paramLabel = "Q",
      split = ",",
      defaultValue = "0.01,0.05,0.1,0.2,0.5",
      description = "Portions of the tokens, above 0 and up to 1.")
  private List<Double> portions = Faithfulness.PORTIONS;

  @Option(
      names = "--steps",
      paramLabel = "N",
      description = "Number of gradients that ig and smoothgrad average.")
  private int steps = 32;

  @Option(
      names = "--samples",
      paramLabel = "N",
      description = "Sets of present tokens that shapley, kernel_shap and lime evaluate.")
  private int samples = 512;

  @Option(names = "--orders", paramLabel = "N", description = "Random orders of each text.")
  private int orders = 10;

  @Option(names = "--seed", paramLabel = "N", description = "Seed of orders, noise and sets.")
  private long seed;

  /**
   * The measurements of a method.
   *
   * @param name of the method
   * @param texts the measurement of each text; for random orders, their mean
   */
  record ByMethod(String name, List<Areas> texts) {
    Estimate estimate(ToDoubleFunction<Areas> value) {
      return Estimate.of(texts.stream().mapToDouble(value).toArray());
    }

    /** Returns the mean difference from another method, text by text. */
    Estimate difference(ByMethod other, ToDoubleFunction<Areas> value) {
      return Estimate.of(
          IntStream.range(0, texts.size())
              .mapToDouble(
                  i -> value.applyAsDouble(texts.get(i)) - value.applyAsDouble(other.texts.get(i)))
              .toArray());
    }
  }

  /** The areas over the curves of a text. */
  record Areas(double comprehensiveness, double sufficiency) {}

  /**
   * The measurements of all methods.
   *
   * @param metric the name of f
   * @param random those of random orders
   * @param areas of random orders: over the orders of one text, or else over texts
   */
  record Found(
      int texts, String metric, ByMethod random, List<Estimate> areas, List<ByMethod> methods) {}

  @Override
  protected void check() {
    removal.check();
    UsageException.requireAtLeast("--steps", steps, 1);
    UsageException.requireAtLeast("--samples", samples, 1);
    UsageException.requireAtLeast("--orders", orders, 1);
    Faithfulness.requirePortions(portions);
    if (prompts != null && input.isPresent()) {
      throw new UsageException("--prompts " + prompts + ": -p, -f or --ids gives a second text");
    }
    for (Method method : methods) {
      if (!method.removes()) {
        boolean local = method != Method.IG && method != Method.SMOOTHGRAD;
        metric.requireGradient("--methods " + method.label(), local);
      }
    }
  }

  @Override
  protected Found run(Model opened) {
    Lens lens = Lens.of(opened);
    List<Areas> random = new ArrayList<>();
    List<List<Areas>> measured = new ArrayList<>();
    methods.forEach(method -> measured.add(new ArrayList<>()));
    List<int[]> texts = texts(opened);
    List<Estimate> areas = List.of();
    String name = "";
    for (int[] text : texts) {
      Measured measure = target.of(lens, text, metric, MetricKind.PROB);
      name = texts.size() == 1 ? measure.name() : measure.bound().kind().label();
      int[] tokens = measure.text();
      List<TokenSpan> spans = TokenSpan.tokens(0, tokens.length);
      var game = SpanGame.of(lens, tokens, spans, removal.of(lens), measure.metric());
      areas = Faithfulness.areas(Faithfulness.random(game, orders, seed, portions));
      random.add(new Areas(areas.getFirst().mean(), areas.getLast().mean()));
      for (int m = 0; m < methods.size(); m++) {
        List<Double> scores = scores(lens, measure, game, methods.get(m));
        var one = Faithfulness.of(game, scores, portions);
        measured.get(m).add(new Areas(one.comprehensivenessArea(), one.sufficiencyArea()));
      }
    }
    var unordered = new ByMethod("random", random);
    if (texts.size() > 1) {
      areas =
          List.of(
              unordered.estimate(Areas::comprehensiveness), unordered.estimate(Areas::sufficiency));
    }
    return new Found(
        texts.size(),
        name,
        unordered,
        areas,
        IntStream.range(0, methods.size())
            .mapToObj(m -> new ByMethod(methods.get(m).label(), measured.get(m)))
            .toList());
  }

  private MetricKind kind() {
    return target.or(metric, MetricKind.PROB).kind();
  }

  private List<int[]> texts(Model opened) {
    if (prompts == null) {
      return List.of(input.requiredIds(opened));
    }
    List<int[]> texts =
        InputOutput.read(prompts)
            .lines()
            .filter(line -> !line.isBlank())
            .map(opened.tokenizer()::encode)
            .toList();
    if (texts.isEmpty()) {
      throw new CommandException(prompts + ": must have a text on each line");
    }
    return texts;
  }

  private List<Double> scores(Lens lens, Measured measure, SpanGame game, Method method) {
    int[] tokens = measure.text();
    int pairs = Math.max(1, samples / (2 * tokens.length));
    return switch (method) {
      case GRADIENT -> GradientAttribution.norm(lens, tokens, gradient(measure, method)).scores();
      case GRAD_X_INPUT ->
          GradientAttribution.timesInput(lens, tokens, gradient(measure, method)).scores();
      case IG -> IntegratedGradients.of(lens, tokens, gradient(measure, method), steps).scores();
      case SMOOTHGRAD ->
          SmoothGrad.of(lens, tokens, gradient(measure, method), steps, 0.1, seed).scores();
      case ATTN_LRP ->
          GradientAttribution.relevance(
                  lens, tokens, gradient(measure, method), GradientRules.ATTN_LRP)
              .scores();
      case CP_LRP ->
          GradientAttribution.relevance(
                  lens, tokens, gradient(measure, method), GradientRules.CP_LRP)
              .scores();
      case OCCLUSION -> Occlusion.of(game).scores().getFirst();
      case SHAPLEY -> ShapleyValues.sampled(game, pairs, seed).attribution().scores().getFirst();
      case KERNEL_SHAP -> KernelShap.of(game, samples, seed).scores().getFirst();
      case LIME -> Lime.of(game, samples, seed).scores().getFirst();
    };
  }

  private static DifferentiableMetric gradient(Measured measure, Method method) {
    return measure.differentiable("--methods " + method.label());
  }

  @Override
  protected void print(Found found) {
    System.out.printf(
        "faithfulness by %s over %d %s, removal %s, portions %s%n",
        found.metric, found.texts, found.texts == 1 ? "text" : "texts", removal.name(), portions);
    System.out.printf(
        "%-12s %17s %15s %17s %15s%n",
        "method", "comprehensiveness", "sufficiency", "compr. - random", "suff. - random");
    String format = "%-12s %17s %15s %17s %15s%n";
    System.out.printf(format, "random", found.areas.getFirst(), found.areas.getLast(), "", "");
    for (ByMethod measured : found.methods) {
      System.out.printf(
          format,
          measured.name,
          measured.estimate(Areas::comprehensiveness),
          measured.estimate(Areas::sufficiency),
          measured.difference(found.random, Areas::comprehensiveness),
          measured.difference(found.random, Areas::sufficiency));
    }
    Hint.print("'--prompts FILE' measures many texts.");
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    object.with("metric_kind", kind().key());
    object.with("texts", found.texts).with("removal", removal.name()).with("portions", portions);
    object.put(
        "random",
        new JsonObject()
            .with("comprehensiveness", toJson(found.areas.getFirst()))
            .with("sufficiency", toJson(found.areas.getLast())));
    var all = new JsonObject();
    found.methods.forEach(measured -> all.put(measured.name, toJson(found, measured)));
    object.put("methods", all);
  }

  private static JsonObject toJson(Found found, ByMethod measured) {
    return new JsonObject()
        .with("comprehensiveness", toJson(measured.estimate(Areas::comprehensiveness)))
        .with("sufficiency", toJson(measured.estimate(Areas::sufficiency)))
        .with(
            "comprehensiveness_over_random",
            toJson(measured.difference(found.random, Areas::comprehensiveness)))
        .with(
            "sufficiency_over_random",
            toJson(measured.difference(found.random, Areas::sufficiency)))
        .with(
            "comprehensiveness_by_text",
            measured.texts.stream().map(Areas::comprehensiveness).toList())
        .with("sufficiency_by_text", measured.texts.stream().map(Areas::sufficiency).toList());
  }

  private static JsonObject toJson(Estimate estimate) {
    return new JsonObject()
        .with("mean", Json.finite(estimate.mean()))
        .with("half_width", Json.finite(estimate.halfWidth()));
  }
}
