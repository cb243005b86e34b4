package dev.vidrio.cli.lens.detect;

import dev.vidrio.cli.io.Heat;
import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.option.ChunksOption;
import dev.vidrio.cli.lens.option.PageCommand;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.cli.option.JsonHelp;
import dev.vidrio.cli.option.OptionValues;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.detect.CorpusStatistics;
import dev.vidrio.lens.detect.HeadStatistics;
import dev.vidrio.lens.detect.NeuronStatistics;
import dev.vidrio.lens.detect.NeuronWeights;
import dev.vidrio.lens.detect.SinkEffect;
import dev.vidrio.lens.page.View;
import dev.vidrio.lens.page.Views;
import dev.vidrio.model.Model;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens corpus}. */
@Command(
    name = "corpus",
    description = {
      "Scores all heads and neurons over a text of any length, in one pass.",
      "Heads: what they attend to on natural text. Neurons: when they are active (position, token"
          + " and bigram detectors), and by their weights what they do to the prediction, to the"
          + " residual stream, and to how strongly later heads attend to the first position.",
      "Columns: name and score, the highest first. -o draws a diagram of any two scores."
    })
@JsonHelp("Print JSON with all scores of all heads and neurons.")
public final class CorpusCommand extends PageCommand<CorpusCommand.Found> {
  /** Columns of a kind in a table. */
  private static final int COLUMN = 16;

  /** Columns of the name of a head, at least. */
  private static final int HEAD = 8;

  /** Columns of a value with a space. */
  private static final int VALUE = 6;

  /** The components that are scored. */
  enum Unit {
    HEADS,
    NEURONS
  }

  @Mixin private ChunksOption chunks = new ChunksOption();

  @Option(
      names = "--units",
      paramLabel = "UNITS",
      split = ",",
      description = "heads, neurons, or both separated by a comma, the default.")
  private Set<Unit> units = EnumSet.allOf(Unit.class);

  @Option(
      names = "--contexts",
      paramLabel = "K",
      description = "Largest activations of each neuron that token and bigram scores count.")
  private int contexts = CorpusStatistics.Options.DEFAULT.top();

  @Option(
      names = "--null",
      paramLabel = "N",
      description =
          "Dimensions of the unembedding's effective null space. Default: a 64th of the width.")
  private @Nullable Integer dimensions;

  @Option(names = "--top", paramLabel = "K", description = "Units of each kind to print.")
  private int top = 8;

  /**
   * The scores.
   *
   * @param refused the reason for no effects on the first position; empty if there is none
   */
  record Found(
      CorpusStatistics statistics,
      List<NeuronWeights> weights,
      Map<String, SinkEffect> effects,
      String refused) {}

  /** A cell of a table. */
  private record Scored(String name, double value, String text) {}

  @Override
  protected Found run(Model opened) {
    Lens lens = Lens.of(opened);
    boolean neurons = units.contains(Unit.NEURONS);
    CorpusStatistics.Options options =
        OptionValues.of(
            () -> new CorpusStatistics.Options(units.contains(Unit.HEADS), neurons, contexts));
    CorpusStatistics statistics = CorpusStatistics.of(lens, chunks.of(opened), options);
    if (statistics.neurons().isEmpty()) {
      return new Found(statistics, List.of(), Map.of(), "");
    }
    int width = opened.architecture().width();
    int count = dimensions == null ? NeuronWeights.nullDimensions(width) : dimensions;
    List<NeuronWeights> weights = NeuronWeights.of(lens, count);
    Map<String, SinkEffect> effects = new HashMap<>();
    try {
      SinkEffect.of(lens, statistics.sinks()).forEach(effect -> effects.put(effect.name(), effect));
    } catch (InvalidInputException e) {
      return new Found(statistics, weights, Map.of(), e.getMessage());
    }
    return new Found(statistics, weights, effects, "");
  }

  @Override
  protected void print(Found found) {
    CorpusStatistics all = found.statistics;
    System.out.printf("%d tokens in %d chunks%n", all.tokens(), all.texts());
    if (!all.heads().isEmpty()) {
      printHeads(all.heads());
    }
    if (!all.neurons().isEmpty()) {
      printActivations(all.neurons());
      printWeights(found);
      printEffects(found);
    }
    Hint.print("'vidrio lens examples --deciles' shows texts for a head or a neuron.");
  }

  private void printHeads(List<HeadStatistics> heads) {
    System.out.printf(
        "%n%d heads: mean attention weight (0 to 1) on tokens of this kind%n", heads.size());
    print(
        columns(
            heads,
            Map.entry("previous", h -> h.scores().previous()),
            Map.entry("current", h -> h.scores().current()),
            Map.entry("first", h -> h.scores().first()),
            Map.entry("subword", HeadStatistics::subword),
            Map.entry("duplicate", h -> h.scores().duplicate())));
    System.out.println();
    Map<String, List<Scored>> others =
        columns(heads, Map.entry("induction", h -> h.scores().induction()));
    others.put(
        "one distance",
        ranked(
            heads,
            HeadStatistics::name,
            HeadStatistics::positional,
            h -> "%4.2f @%d".formatted(h.positional(), h.offset())));
    others.put(
        "bits (entropy)",
        ranked(
            heads,
            HeadStatistics::name,
            h -> h.scores().entropy(),
            h -> "%5.2f".formatted(h.scores().entropy())));
    others.put(
        "mean distance",
        ranked(
            heads,
            HeadStatistics::name,
            HeadStatistics::distance,
            h -> "%5.1f".formatted(h.distance())));
    print(others);
  }

  @SafeVarargs
  private static Map<String, List<Scored>> columns(
      List<HeadStatistics> heads, Map.Entry<String, ToDoubleFunction<HeadStatistics>>... scores) {
    Map<String, List<Scored>> columns = new LinkedHashMap<>();
    for (Map.Entry<String, ToDoubleFunction<HeadStatistics>> score : scores) {
      ToDoubleFunction<HeadStatistics> value = score.getValue();
      columns.put(
          score.getKey(),
          ranked(heads, HeadStatistics::name, value, h -> weight(value.applyAsDouble(h))));
    }
    return columns;
  }

  private static String weight(double value) {
    return Double.isNaN(value) ? "    -" : Heat.cell("%5.3f".formatted(value), value);
  }

  private void printActivations(List<NeuronStatistics> neurons) {
    System.out.printf(
        "%n%d neurons: information on the position in bits; share of the %d largest%n"
            + "activations at the most frequent token, or after the token before it too%n",
        neurons.size(), neurons.getFirst().top().size());
    System.out.printf("%-19s%-31s%s%n", "position", "token", "bigram");
    List<NeuronStatistics> positions = sorted(neurons, NeuronStatistics::position);
    Comparator<NeuronStatistics> kurtosis = Comparator.comparingDouble(n -> -finite(n.kurtosis()));
    List<NeuronStatistics> tokens =
        sorted(neurons.stream().sorted(kurtosis).toList(), NeuronStatistics::tokenPurity);
    List<NeuronStatistics> bigrams =
        sorted(neurons.stream().sorted(kurtosis).toList(), NeuronStatistics::bigramPurity);
    for (int i = 0; i < Math.clamp(top, 0, neurons.size()); i++) {
      NeuronStatistics position = positions.get(i);
      NeuronStatistics token = tokens.get(i);
      NeuronStatistics bigram = bigrams.get(i);
      String pair = model().tokenizer().decode(bigram.previous(), bigram.token());
      System.out.printf(
          "%-11s%5.3f   %-11s%4.2f %s  %-11s%4.2f %s%n",
          position.name(),
          position.position(),
          token.name(),
          token.tokenPurity(),
          TokenText.column(model(), token.token(), 13),
          bigram.name(),
          bigram.bigramPurity(),
          TokenText.quoted(pair, 13).stripTrailing());
    }
  }

  private void printWeights(Found found) {
    System.out.printf(
        "%nby weights: kurtosis of the effect on logits where it raises few tokens%n"
            + "(prediction) or lowers few (suppression), its variance (partition), the share of%n"
            + "w_out in the null space of the unembedding, of the last layer (entropy), cosine%n"
            + "of w_in and w_out (memory)%n");
    List<NeuronWeights> raises = found.weights.stream().filter(n -> n.skewness() > 0).toList();
    List<NeuronWeights> lowers = found.weights.stream().filter(n -> n.skewness() < 0).toList();
    Map<String, List<Scored>> columns = new LinkedHashMap<>();
    columns.put("prediction", weights(raises, NeuronWeights::kurtosis, "%5.0f", 1));
    columns.put("suppression", weights(lowers, NeuronWeights::kurtosis, "%5.0f", 1));
    columns.put("partition", weights(found.weights, NeuronWeights::variance, "%5.2f", 1));
    int last = found.weights.getLast().layer();
    List<NeuronWeights> end = found.weights.stream().filter(n -> n.layer() == last).toList();
    columns.put("entropy", weights(end, NeuronWeights::nullFraction, "%5.2f", 1));
    columns.put("memory", weights(found.weights, NeuronWeights::inCosine, "%5.2f", -1));
    print(columns);
  }

  private static List<Scored> weights(
      List<NeuronWeights> neurons, ToDoubleFunction<NeuronWeights> score, String format, int sign) {
    return ranked(
        neurons,
        NeuronWeights::name,
        n -> sign * score.applyAsDouble(n),
        n -> format.formatted(score.applyAsDouble(n)));
  }

  private void printEffects(Found found) {
    System.out.println();
    if (!found.refused.isEmpty()) {
      System.out.println("effect on attention to the first position: " + found.refused);
      return;
    }
    List<NeuronStatistics> neurons =
        sorted(
            found.statistics.neurons().stream()
                .filter(n -> found.effects.containsKey(n.name()))
                .toList(),
            n -> Math.abs(typical(found, n)));
    System.out.println(
        "change of a later head's score for the first position by one standard deviation");
    System.out.println("neuron     head     change   above 0: deactivates the head");
    for (NeuronStatistics neuron : neurons.subList(0, Math.clamp(top, 0, neurons.size()))) {
      System.out.printf(
          "%-11s%-8s%+7.3f%n",
          neuron.name(), effect(found, neuron).head().name(), typical(found, neuron));
    }
  }

  private static SinkEffect effect(Found found, NeuronStatistics neuron) {
    SinkEffect effect = found.effects.get(neuron.name());
    if (effect == null) {
      throw new IllegalStateException(neuron.name() + " has no later head");
    }
    return effect;
  }

  private static double typical(Found found, NeuronStatistics neuron) {
    return effect(found, neuron).score() * neuron.deviation();
  }

  private static double finite(double value) {
    return Double.isNaN(value) ? Double.NEGATIVE_INFINITY : value;
  }

  /** A unit and the negated score that it is sorted by. */
  private record Keyed<T>(T unit, double key) {}

  /** Returns units in descending order of a score, which is computed once for each. */
  private static <T> List<T> sorted(List<T> all, ToDoubleFunction<T> score) {
    return all.stream()
        .map(unit -> new Keyed<>(unit, -finite(score.applyAsDouble(unit))))
        .sorted(Comparator.comparingDouble(Keyed::key))
        .map(Keyed::unit)
        .toList();
  }

  private static <T> List<Scored> ranked(
      List<T> all, Function<T, String> name, ToDoubleFunction<T> score, Function<T, String> text) {
    return sorted(all, score).stream()
        .map(each -> new Scored(name.apply(each), score.applyAsDouble(each), text.apply(each)))
        .toList();
  }

  /** Prints a column for each kind. */
  private void print(Map<String, List<Scored>> columns) {
    int name =
        columns.values().stream()
            .flatMap(column -> column.stream().limit(top))
            .mapToInt(scored -> scored.name.length() + 1)
            .max()
            .orElse(0);
    int width = Math.max(COLUMN, name + VALUE);
    var head = new StringBuilder();
    columns.keySet().forEach(kind -> head.append(("%-" + width + "s").formatted(kind)));
    System.out.println(head.toString().stripTrailing());
    int rows = columns.values().stream().mapToInt(List::size).max().orElse(0);
    for (int i = 0; i < Math.clamp(top, 0, rows); i++) {
      var line = new StringBuilder();
      for (List<Scored> ranked : columns.values()) {
        String own = i < ranked.size() ? ranked.get(i).name : "";
        String text = i < ranked.size() ? ranked.get(i).text : "";
        line.append(("%-" + Math.max(name, HEAD) + "s").formatted(own)).append(text);
        line.append(" ".repeat(Math.max(1, width - Math.max(name, HEAD) - visible(text))));
      }
      System.out.println(line.toString().stripTrailing());
    }
  }

  /** Returns the number of columns of a text without the escapes of colors. */
  private static int visible(String text) {
    return text.replaceAll("\u001b\\[[0-9;]*m", "").length();
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    CorpusStatistics all = found.statistics;
    object.with("tokens", all.tokens()).with("chunks", all.texts());
    if (!all.heads().isEmpty()) {
      object.put("heads", all.heads().stream().map(CorpusCommand::toJson).toList());
    }
    List<JsonObject> neurons = new ArrayList<>();
    for (int i = 0; i < all.neurons().size(); i++) {
      neurons.add(toJson(found, all.neurons().get(i), found.weights.get(i)));
    }
    if (!neurons.isEmpty()) {
      object.put("neurons", neurons);
    }
    if (!found.refused.isEmpty()) {
      object.put("first_position", found.refused);
    }
  }

  private static JsonObject toJson(HeadStatistics head) {
    return HeadJson.contents(head.scores())
        .with("distance", Json.finite(head.distance()))
        .with("subword", Json.finite(head.subword()))
        .with("offset", head.offset())
        .with("positional", Json.finite(head.positional()));
  }

  private JsonObject toJson(Found found, NeuronStatistics neuron, NeuronWeights weights) {
    JsonObject object =
        new JsonObject()
            .with("layer", neuron.layer())
            .with("neuron", neuron.neuron())
            .with("mean", neuron.mean())
            .with("deviation", neuron.deviation())
            .with("skewness", Json.finite(neuron.skewness()))
            .with("kurtosis", Json.finite(neuron.kurtosis()))
            .with("active", neuron.active())
            .with("position_bits", neuron.position())
            .with("token", TokenText.toJson(model(), neuron.token()))
            .with("token_purity", neuron.tokenPurity())
            .with("previous", TokenText.toJson(model(), neuron.previous()))
            .with("bigram_purity", neuron.bigramPurity())
            .with("norm", weights.norm())
            .with("logit_variance", weights.variance())
            .with("logit_skewness", Json.finite(weights.skewness()))
            .with("logit_kurtosis", Json.finite(weights.kurtosis()))
            .with("null_fraction", Json.finite(weights.nullFraction()))
            .with("in_cosine", weights.inCosine());
    if (!Double.isNaN(weights.gateCosine())) {
      object.put("gate_cosine", weights.gateCosine());
    }
    SinkEffect effect = found.effects.get(neuron.name());
    if (effect != null) {
      object.with("first_head", effect.head().name()).with("first_score", effect.score());
    }
    return object;
  }

  @Override
  protected List<? extends View> views(Found found) {
    return Views.corpus(model(), found.statistics, found.weights);
  }
}
