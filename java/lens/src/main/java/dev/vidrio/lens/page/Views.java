package dev.vidrio.lens.page;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.attribute.FlowImportance;
import dev.vidrio.lens.attribute.FlowRoutes.Block;
import dev.vidrio.lens.circuit.Node;
import dev.vidrio.lens.decode.AttentionLens;
import dev.vidrio.lens.decode.CompositionScores;
import dev.vidrio.lens.decode.sae.Features;
import dev.vidrio.lens.detect.CopySuppression;
import dev.vidrio.lens.detect.CopyingEigenvalues;
import dev.vidrio.lens.detect.CorpusStatistics;
import dev.vidrio.lens.detect.HeadDetection;
import dev.vidrio.lens.detect.HeadScores;
import dev.vidrio.lens.detect.HeadStatistics;
import dev.vidrio.lens.detect.IoiRoles;
import dev.vidrio.lens.detect.NeuronStatistics;
import dev.vidrio.lens.detect.NeuronWeights;
import dev.vidrio.lens.detect.OvScores;
import dev.vidrio.lens.detect.ScoredHead;
import dev.vidrio.lens.inspect.ComponentLens;
import dev.vidrio.lens.inspect.DirectLogitAttribution;
import dev.vidrio.lens.inspect.LogitLens;
import dev.vidrio.lens.inspect.LogitSpectroscopy;
import dev.vidrio.lens.inspect.MassiveActivations;
import dev.vidrio.lens.inspect.MassiveActivations.Norms;
import dev.vidrio.lens.inspect.MeanLogitAttribution;
import dev.vidrio.lens.intervene.ActivationPatching;
import dev.vidrio.lens.intervene.ActivationPatching.Site;
import dev.vidrio.lens.intervene.CausalTracing;
import dev.vidrio.lens.intervene.ComponentAblation;
import dev.vidrio.lens.intervene.PathPatching;
import dev.vidrio.lens.page.Grid.Cell;
import dev.vidrio.lens.page.Grid.Measure;
import dev.vidrio.lens.page.Grid.Scale;
import dev.vidrio.model.Model;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Creates pictures of the lens's results. */
public final class Views {
  private static final Pattern HEAD = Pattern.compile("L(\\d+)\\.H(\\d+)");

  /** Maximum number of rows of a grid of features. */
  private static final int MAX_FEATURES = 64;

  private Views() {}

  /** Returns a logit lens: rows are layers, columns are tokens. */
  public static Grid logitLens(Model model, LogitLens lens) {
    boolean followed = !lens.cells().getFirst().getFirst().path().isEmpty();
    int columns = lens.cells().getFirst().size();
    return predictions(
        model,
        "Logit lens",
        "What the model would say next if a layer were its last."
            + (followed ? " A click on a token shows its rank at each layer." : ""),
        "layer",
        lens.points().stream().map(Views::label).toList(),
        lens.tokens().subList(lens.from(), lens.from() + columns),
        lens.token(),
        lens.cells());
  }

  /** Returns an attention lens: rows are heads, columns are tokens. */
  public static Grid attentionLens(Model model, AttentionLens.Reading lens) {
    int columns = lens.cells().getFirst().size();
    return predictions(
        model,
        "Attention lens",
        "What the output of each head predicts by itself.",
        "head",
        lens.heads().stream().map(AttentionLens.Head::toString).toList(),
        lens.tokens().subList(lens.from(), lens.from() + columns),
        lens.token(),
        lens.cells());
  }

  private static Grid predictions(
      Model model,
      String title,
      String note,
      String rowName,
      List<String> rows,
      List<Integer> tokens,
      int token,
      List<List<LogitLens.Cell>> cells) {
    List<Measure> measures = new ArrayList<>();
    if (token >= 0) {
      String of = " of “" + model.tokenizer().piece(token) + "”";
      measures.add(
          Measure.of(
              "rank" + of,
              Scale.LOGARITHMIC,
              values(cells, c -> Objects.requireNonNull(c.standing()).rank() + 1)));
      measures.add(
          Measure.of(
              "probability" + of,
              Scale.SEQUENTIAL,
              0,
              1,
              values(cells, c -> Objects.requireNonNull(c.standing()).probability())));
    }
    measures.add(
        Measure.of(
            "probability",
            Scale.SEQUENTIAL,
            0,
            1,
            values(cells, c -> c.top().getFirst().probability())));
    measures.add(
        Measure.of("entropy in bits", Scale.SEQUENTIAL, values(cells, LogitLens.Cell::entropy)));
    measures.add(
        Measure.of(
            "rank of the final prediction",
            Scale.LOGARITHMIC,
            values(cells, c -> c.rank() < 0 ? Double.NaN : c.rank() + 1)));
    measures.add(
        Measure.of(
            "KL(final ‖ " + rowName + ") in bits",
            Scale.SEQUENTIAL,
            values(cells, LogitLens.Cell::divergence)));
    return new Grid(
        title,
        note,
        rowName,
        "token",
        rows,
        TokenTexts.of(model, tokens),
        measures,
        cells.stream().map(row -> row.stream().map(cell -> cell(model, cell)).toList()).toList());
  }

  /**
   * Returns the features of a dictionary that are most active in a text, not counting the first
   * token: a row for each, a column for each token.
   *
   * @param hook the name of the encoded activation
   * @param features the active ones of each token
   */
  public static Grid features(Model model, int[] tokens, String hook, List<Features> features) {
    int first = Math.min(1, tokens.length - 1);
    Map<Integer, Float> greatest = new HashMap<>();
    for (Features token : features.subList(first, tokens.length)) {
      for (int i = 0; i < token.count(); i++) {
        greatest.merge(token.id(i), token.value(i), Math::max);
      }
    }
    int[] shown =
        greatest.entrySet().stream()
            .sorted(Map.Entry.<Integer, Float>comparingByValue().reversed())
            .limit(MAX_FEATURES)
            .mapToInt(Map.Entry::getKey)
            .toArray();
    double high = shown.length == 0 ? 1 : Objects.requireNonNull(greatest.get(shown[0]));
    var values = new double[shown.length][tokens.length];
    for (int row = 0; row < shown.length; row++) {
      for (int column = 0; column < tokens.length; column++) {
        float value = features.get(column).of(shown[row]);
        values[row][column] = value == 0 ? Double.NaN : value;
      }
    }
    return Grid.heatMap(
        "Features",
        ("Activations of features of %s: %d of the %d that are active after the first token, the"
                + " greatest first. Those of the first token, which are often massive, are outside"
                + " the scale.")
            .formatted(hook, shown.length, greatest.size()),
        "feature",
        Arrays.stream(shown).mapToObj(id -> "#" + id).toList(),
        "token",
        TokenTexts.of(model, Arrays.stream(tokens).boxed().toList()),
        List.of(Measure.of("activation", Scale.SEQUENTIAL, 0, high, values)));
  }

  private static String label(HookPoint point) {
    return switch (point.site()) {
      case RESID_PRE -> "before " + point.layer();
      case RESID_MID -> "amid " + point.layer();
      case RESID_POST -> Integer.toString(point.layer());
      default -> "embedding";
    };
  }

  private static <T> double[][] values(List<List<T>> cells, ToDoubleFunction<T> measure) {
    return cells.stream()
        .map(row -> row.stream().mapToDouble(measure).toArray())
        .toArray(double[][]::new);
  }

  private static Cell cell(Model model, LogitLens.Cell cell) {
    List<String> lines =
        cell.top().stream()
            .map(
                candidate ->
                    String.format(
                        Locale.ROOT,
                        "%.1f %%  %s",
                        100 * candidate.probability(),
                        model.tokenizer().piece(candidate.token())))
            .toList();
    return new Cell(model.tokenizer().piece(cell.top().getFirst().token()), lines, cell.path());
  }

  /** Returns a lens of components: rows are components, columns are tokens. */
  public static Grid componentLens(Model model, ComponentLens lens) {
    List<List<ComponentLens.Cell>> cells = lens.cells();
    int columns = cells.getFirst().size();
    List<Measure> measures = new ArrayList<>();
    if (lens.token() >= 0) {
      measures.add(
          Measure.of(
              "logit of “" + model.tokenizer().piece(lens.token()) + "”",
              Scale.DIVERGING,
              values(cells, c -> Objects.requireNonNull(c.standing()).logit())));
    }
    measures.add(
        Measure.of(
            "standard deviation of the logits",
            Scale.SEQUENTIAL,
            values(cells, ComponentLens.Cell::deviation)));
    measures.add(
        Measure.of(
            "logit of the most promoted token",
            Scale.DIVERGING,
            values(cells, c -> c.promoted().getFirst().logit())));
    return new Grid(
        "Logit lens of components",
        "What each component adds to the logits%s; the token that it promotes most."
            .formatted(lens.capped() ? " before the soft cap" : ""),
        "component",
        "token",
        lens.components(),
        TokenTexts.of(model, lens.tokens().subList(lens.from(), lens.from() + columns)),
        measures,
        cells.stream().map(row -> row.stream().map(cell -> cell(model, cell)).toList()).toList());
  }

  private static Cell cell(Model model, ComponentLens.Cell cell) {
    List<String> lines =
        Stream.concat(cell.promoted().stream(), cell.demoted().reversed().stream())
            .map(
                effect ->
                    String.format(
                        Locale.ROOT,
                        "%+.2f  %s",
                        effect.logit(),
                        model.tokenizer().piece(effect.token())))
            .toList();
    return new Cell(model.tokenizer().piece(cell.promoted().getFirst().token()), lines);
  }

  /**
   * Returns the scores of all heads, a row per layer.
   *
   * @param eigenvalues of all heads, or none
   * @param suppression of all heads, or none
   */
  public static Grid heads(
      HeadDetection detection,
      List<OvScores> said,
      List<CopyingEigenvalues> eigenvalues,
      List<CopySuppression> suppression) {
    List<Score> scores =
        new ArrayList<>(
            List.of(
                score(detection.heads(), "induction", HeadScores::induction),
                score(detection.heads(), "previous token", HeadScores::previous),
                score(detection.heads(), "duplicate token", HeadScores::duplicate),
                score(detection.heads(), "current token", HeadScores::current),
                score(detection.heads(), "first token (sink)", HeadScores::first),
                score(said, "copying", OvScores::copying),
                score(said, "negative copying", OvScores::negativeCopying),
                score(said, "successor", OvScores::successor)));
    if (!eigenvalues.isEmpty()) {
      List<HeadValue> values =
          eigenvalues.stream()
              .map(head -> new HeadValue(head.layer(), head.head(), head.score()))
              .toList();
      scores.add(new Score("copying by eigenvalues", Scale.DIVERGING, false, values));
    }
    if (!suppression.isEmpty()) {
      scores.add(score(suppression, "copy suppression", CopySuppression::both));
      scores.add(score(suppression, "copy suppression, QK", CopySuppression::attends));
      scores.add(score(suppression, "copy suppression, OV", CopySuppression::suppresses));
    }
    return byHead(
        "Heads",
        ("Where heads look in random texts that repeat once: mean attention in %d texts of 2 × %d"
                + " tokens. And what they say of a token that they attend to, by their weights.")
            .formatted(detection.samples(), detection.length()),
        scores);
  }

  /**
   * Returns the scores of heads and neurons over a corpus: a map of heads, and diagrams of any two
   * scores of heads and of neurons.
   *
   * @param weights of the neurons of the statistics, in their order
   */
  public static List<View> corpus(
      Model model, CorpusStatistics statistics, List<NeuronWeights> weights) {
    List<View> views = new ArrayList<>();
    List<HeadStatistics> heads = statistics.heads();
    String over = "%d tokens in %d texts".formatted(statistics.tokens(), statistics.texts());
    if (!heads.isEmpty()) {
      List<Score> scores =
          List.of(
              score(heads, "previous token", h -> h.scores().previous()),
              score(heads, "induction", h -> h.scores().induction()),
              score(heads, "duplicate token", h -> h.scores().duplicate()),
              score(heads, "subword", HeadStatistics::subword),
              score(heads, "current token", h -> h.scores().current()),
              score(heads, "first token (sink)", h -> h.scores().first()),
              score(heads, "largest weight at one distance", HeadStatistics::positional),
              score(heads, "entropy in bits", h -> h.scores().entropy()).unbounded(),
              score(heads, "mean distance", HeadStatistics::distance).unbounded());
      views.add(byHead("Heads", "What heads attend to: means over " + over + ".", scores));
      views.add(
          new Scatter(
              "Two scores of each head",
              "A point per head. Point at one for all of its scores; arrow keys go from point to"
                  + " point.",
              heads.stream().map(HeadStatistics::name).toList(),
              scores.stream().map(Score::measure).toList()));
    }
    List<NeuronStatistics> neurons = statistics.neurons();
    if (!neurons.isEmpty()) {
      List<Scatter.Measure> measures =
          List.of(
              measure("variance of the effect on logits", weights, NeuronWeights::variance),
              measure("kurtosis of the effect on logits", weights, NeuronWeights::kurtosis),
              measure("skewness of the effect on logits", weights, NeuronWeights::skewness),
              measure("share in the null space of W_U", weights, NeuronWeights::nullFraction),
              measure("norm of w_out", weights, NeuronWeights::norm),
              measure("cosine of w_in and w_out", weights, NeuronWeights::inCosine),
              measure("cosine of w_gate and w_out", weights, NeuronWeights::gateCosine),
              measure("mean activation", neurons, NeuronStatistics::mean),
              measure("standard deviation", neurons, NeuronStatistics::deviation),
              measure("kurtosis", neurons, NeuronStatistics::kurtosis),
              measure("skewness", neurons, NeuronStatistics::skewness),
              measure("fraction of active tokens", neurons, NeuronStatistics::active),
              measure("information on the position in bits", neurons, NeuronStatistics::position),
              measure("purity of tokens", neurons, NeuronStatistics::tokenPurity),
              measure("purity of bigrams", neurons, NeuronStatistics::bigramPurity),
              measure("layer", neurons, NeuronStatistics::layer));
      views.add(
          new Scatter(
              "Two scores of each neuron",
              "A point per neuron, with the most frequent token of its largest activations over "
                  + over
                  + ".",
              neurons.stream()
                  .map(n -> n.name() + " “" + model.tokenizer().piece(n.token()) + "”")
                  .toList(),
              measures));
    }
    return views;
  }

  private static <T> Scatter.Measure measure(
      String name, List<T> points, ToDoubleFunction<T> value) {
    return Scatter.Measure.of(name, points.stream().mapToDouble(value).toArray());
  }

  /** Returns the attention and effects of heads in indirect object identification. */
  public static List<View> roles(IoiRoles roles) {
    List<IoiRoles.Head> heads = roles.heads();
    List<HeadValue> direct =
        heads.stream()
            .map(head -> new HeadValue(head.layer(), head.head(), head.direct().mean()))
            .toList();
    List<HeadValue> queries =
        heads.stream()
            .map(head -> new HeadValue(head.layer(), head.head(), head.queries()))
            .toList();
    return List.of(
        byHead(
            "Heads",
            "Direct effect on the logit difference of IO and S, effect through the queries of the"
                + " name movers, and attention: means over "
                + roles.difference().count()
                + " pairs.",
            List.of(
                new Score("direct effect", Scale.DIVERGING, false, direct),
                new Score("loss through queries", Scale.DIVERGING, false, queries),
                score(heads, "attention from END to IO", IoiRoles.Head::io),
                score(heads, "attention from END to S1", IoiRoles.Head::s1),
                score(heads, "attention from END to S2", IoiRoles.Head::s2),
                score(heads, "attention from S2 to S1", IoiRoles.Head::duplicate),
                score(heads, "attention from S2 to S1 + 1", IoiRoles.Head::induction))),
        new Scatter(
            "Two scores of each head",
            "Name movers attend to IO and have a positive effect, negative name movers a negative"
                + " one.",
            heads.stream().map(IoiRoles.Head::name).toList(),
            List.of(
                measure("attention from END to IO", heads, IoiRoles.Head::io),
                measure("direct effect", heads, head -> head.direct().mean()),
                measure("attention from END to S2", heads, IoiRoles.Head::s2),
                measure("loss through queries", heads, IoiRoles.Head::queries))));
  }

  /**
   * Returns the maximum composition score of the heads of each pair of layers, with the heads.
   *
   * @param scores a list for each kind, of one model
   */
  public static Grid compositions(List<CompositionScores> scores) {
    CompositionScores any = scores.getFirst();
    int layers = any.heads().getLast().layer() + 1;
    List<Measure> measures = new ArrayList<>();
    List<List<Cell>> cells = new ArrayList<>();
    for (int from = 0; from < layers; from++) {
      List<Cell> row = new ArrayList<>();
      for (int to = 0; to < layers; to++) {
        row.add(new Cell("", new ArrayList<>()));
      }
      cells.add(row);
    }
    for (CompositionScores kind : scores) {
      var values = new double[layers][layers];
      Arrays.stream(values).forEach(row -> Arrays.fill(row, Double.NaN));
      for (CompositionScores.Score pair : kind.ranked()) {
        int from = pair.from().layer();
        int to = pair.to().layer();
        if (Double.isNaN(values[from][to])) {
          values[from][to] = pair.value();
          String heads = pair.from().name() + " → " + pair.to().name();
          cells.get(from).get(to).lines().add(kind.kind() + ": " + heads);
        }
      }
      measures.add(Measure.of(kind.kind() + "-composition", Scale.SEQUENTIAL, values));
    }
    return new Grid(
        "Composition of heads",
        String.format(
            Locale.ROOT,
            "The largest composition score of two heads of an earlier and a later layer, by their"
                + " weights: 0 to 1, about %.3f for random matrices.",
            any.random()),
        "earlier layer",
        "later layer",
        numbers(layers),
        numbers(layers),
        measures,
        cells);
  }

  /** Returns the composition scores of one head with all earlier and later ones. */
  public static Grid compositions(List<CompositionScores> scores, Node.Head head) {
    List<Score> measures = new ArrayList<>();
    for (CompositionScores kind : scores) {
      List<HeadValue> values = new ArrayList<>();
      for (CompositionScores.Score pair : kind.ranked()) {
        if (pair.from().equals(head)) {
          values.add(new HeadValue(pair.to().layer(), pair.to().head(), pair.value()));
        } else if (pair.to().equals(head)) {
          values.add(new HeadValue(pair.from().layer(), pair.from().head(), pair.value()));
        }
      }
      measures.add(new Score(kind.kind() + "-composition", Scale.LOGARITHMIC, false, values));
    }
    return byHead(
        "Composition with " + head.name(),
        String.format(
            Locale.ROOT,
            "In earlier layers: how much of a head's output %s reads as query (Q), key (K) or value"
                + " (V). In later layers: how much of its output they read. About %.3f for random"
                + " matrices.",
            head.name(),
            scores.getFirst().random()),
        measures);
  }

  private record HeadValue(int layer, int head, double value) {}

  /**
   * A score of each head.
   *
   * @param bounded whether colors are of the range 0 to 1
   */
  private record Score(String name, Scale scale, boolean bounded, List<HeadValue> values) {
    /** Returns the score with colors from the minimum to the maximum. */
    Score unbounded() {
      return new Score(name, scale, false, values);
    }

    Scatter.Measure measure() {
      return Scatter.Measure.of(name, values.stream().mapToDouble(HeadValue::value).toArray());
    }
  }

  private static <T extends ScoredHead> Score score(
      List<T> heads, String name, ToDoubleFunction<T> score) {
    List<HeadValue> values =
        heads.stream()
            .map(head -> new HeadValue(head.layer(), head.head(), score.applyAsDouble(head)))
            .toList();
    return new Score(name, Scale.SEQUENTIAL, true, values);
  }

  private static Grid byHead(String title, String note, List<Score> scores) {
    List<HeadValue> any = scores.getFirst().values();
    int layers = any.stream().mapToInt(HeadValue::layer).max().orElseThrow() + 1;
    int heads = any.stream().mapToInt(HeadValue::head).max().orElseThrow() + 1;
    List<Measure> measures = new ArrayList<>();
    for (Score score : scores) {
      var values = new double[layers][heads];
      Arrays.stream(values).forEach(row -> Arrays.fill(row, Double.NaN));
      score.values().forEach(v -> values[v.layer()][v.head()] = v.value());
      measures.add(
          score.bounded()
              ? Measure.of(score.name(), score.scale(), 0, 1, values)
              : Measure.of(score.name(), score.scale(), values));
    }
    return Grid.heatMap(title, note, "layer", numbers(layers), "head", numbers(heads), measures);
  }

  private static List<String> numbers(int n) {
    return IntStream.range(0, n).mapToObj(Integer::toString).toList();
  }

  /** Returns the contributions of components to a logit: a bar each and, for heads, a map. */
  public static List<View> attribution(Model model, DirectLogitAttribution dla) {
    String versus =
        dla.versus() < 0 ? "" : " less that of “" + model.tokenizer().piece(dla.versus()) + "”";
    String note =
        String.format(
            Locale.ROOT,
            "Parts of the logit of “%s”%s after position %d: %.3f, sum of the parts%s %.3f.",
            model.tokenizer().piece(dla.token()),
            versus,
            dla.position(),
            dla.logit(),
            dla.capped() ? ", before the soft cap," : "",
            dla.sum());
    List<HeadValue> heads =
        dla.parts().stream().flatMap(p -> head(p.component(), p.value()).stream()).toList();
    return attribution(
        note,
        dla.parts().stream().map(p -> new Bars.Bar(p.component(), p.value())).toList(),
        List.of(new Score("logit", Scale.DIVERGING, false, heads)));
  }

  /**
   * Returns the mean contributions of components to logits: a bar each and, for heads, a map.
   *
   * @param metric the logits, such as {@code logit difference}
   */
  public static List<View> attribution(String metric, MeanLogitAttribution dla) {
    String note =
        String.format(
            Locale.ROOT,
            "Parts of the %s, mean of %d texts: %s, sum of the parts%s %.3f.",
            metric,
            dla.texts(),
            dla.logit(),
            dla.capped() ? ", before the soft cap," : "",
            dla.sum());
    List<HeadValue> means =
        dla.parts().stream().flatMap(p -> head(p.component(), p.value().mean()).stream()).toList();
    List<HeadValue> widths =
        dla.parts().stream()
            .flatMap(p -> head(p.component(), p.value().halfWidth()).stream())
            .toList();
    return attribution(
        note,
        dla.parts().stream().map(p -> new Bars.Bar(p.component(), p.value().mean())).toList(),
        List.of(
            new Score("logit", Scale.DIVERGING, false, means),
            new Score("half width of the 95 % interval", Scale.SEQUENTIAL, false, widths)));
  }

  private static List<View> attribution(String note, List<Bars.Bar> bars, List<Score> heads) {
    List<View> views = new ArrayList<>();
    views.add(new Bars("Direct logit attribution", note, bars));
    if (!heads.getFirst().values().isEmpty()) {
      views.add(byHead("Heads", "What each head adds to the logit.", heads));
    }
    return views;
  }

  private static Optional<HeadValue> head(String component, double value) {
    Matcher matcher = HEAD.matcher(component);
    return matcher.matches()
        ? Optional.of(
            new HeadValue(
                Integer.parseInt(matcher.group(1)), Integer.parseInt(matcher.group(2)), value))
        : Optional.empty();
  }

  /**
   * Returns norms of residual streams: rows are streams, columns are tokens.
   *
   * @param tokens of the norms
   */
  public static Grid norms(Model model, List<Integer> tokens, MassiveActivations activations) {
    List<Norms> streams = activations.norms();
    double[][] values = values(streams.stream().map(Norms::values).toList(), Double::doubleValue);
    return Grid.heatMap(
        "Norms of the residual stream",
        "‖x‖₂ after each layer. A massive activation makes its token's norm stand out.",
        "layer",
        streams.stream().map(norms -> label(norms.point())).toList(),
        "token",
        TokenTexts.of(model, tokens),
        List.of(Measure.of("norm", Scale.LOGARITHMIC, values)));
  }

  /**
   * Returns the portions of residual streams in bands of the unembedding's singular vectors: rows
   * are hook points, columns are tokens.
   */
  public static Grid spectroscopy(Model model, List<Integer> tokens, LogitSpectroscopy found) {
    List<Measure> measures = new ArrayList<>();
    for (int band = found.bands() - 1; band >= 0; band--) {
      int at = band;
      String dark = band == found.bands() - 1 ? ", the dark subspace" : "";
      measures.add(
          Measure.of(
              "portion in band " + band + dark,
              Scale.SEQUENTIAL,
              0,
              1,
              values(found.shares(), shares -> shares.get(at))));
    }
    return Grid.heatMap(
        "Logit spectroscopy",
        "The portion of the squared norm in a band of singular vectors of the unembedding; band 0"
            + " changes logits most.",
        "hook",
        found.points().stream().map(HookPoint::name).toList(),
        "token",
        TokenTexts.of(model, tokens),
        measures);
  }

  /** Returns the importance of components to the information flow: a map of heads, and bars. */
  public static List<View> importance(List<FlowImportance> components, double threshold) {
    List<View> views = new ArrayList<>();
    List<HeadValue> shares = new ArrayList<>();
    List<HeadValue> active = new ArrayList<>();
    for (FlowImportance component : components) {
      if (component.block() == Block.HEAD) {
        shares.add(new HeadValue(component.layer(), component.head(), component.share()));
        active.add(new HeadValue(component.layer(), component.head(), component.active()));
      }
    }
    if (!shares.isEmpty()) {
      views.add(
          byHead(
              "Heads",
              "The mean share of each head in the residual stream that it adds to; active: the"
                  + " fraction of tokens into which it has an edge with a share above "
                  + threshold
                  + ".",
              List.of(
                  new Score("mean share", Scale.SEQUENTIAL, false, shares),
                  new Score("active", Scale.SEQUENTIAL, true, active))));
    }
    views.add(
        new Bars(
            "Other blocks",
            "The mean share of each block in the residual stream that it adds to.",
            components.stream()
                .filter(component -> component.block() != Block.HEAD)
                .map(component -> new Bars.Bar(component.name(), component.share()))
                .toList()));
    return views;
  }

  /**
   * Returns the shares of input tokens in a token's state: through all layers, and a row per layer.
   *
   * @param shares after each layer, [layers][position + 1]
   */
  public static List<View> mixing(Model model, int[] tokens, double[][] shares, int position) {
    List<Integer> seen = Arrays.stream(tokens).limit(position + 1L).boxed().toList();
    return List.of(
        TokenValues.of(
            model,
            "Shares of the tokens",
            "How much of token " + position + " after the last layer comes from each.",
            seen,
            Arrays.stream(shares[shares.length - 1]).boxed().toList()),
        Grid.heatMap(
            "By layer",
            "Shares after each layer.",
            "layer",
            numbers(shares.length),
            "token",
            TokenTexts.of(model, seen),
            List.of(Measure.of("share", Scale.SEQUENTIAL, 0, 1, shares))));
  }

  /**
   * Returns scores of activation patching: 0 is the corrupted run, 1 the clean one.
   *
   * @param clean tokens of the clean text, which label positions; none for several texts
   * @param metric its name, such as {@code logit difference}
   */
  public static Grid patching(
      Model model, int[] clean, ActivationPatching patching, String metric) {
    boolean byPosition = patching.site().byPosition();
    List<String> columns =
        byPosition && clean.length > 0
            ? TokenTexts.of(model, Arrays.stream(clean).boxed().toList())
            : patching.columns();
    double[][] scores = values(patching.scores(), Double::doubleValue);
    return Grid.heatMap(
        "Activation patching",
        String.format(
            Locale.ROOT,
            "How much of the %s a patch brings, clean %.3f and corrupted %.3f: 1 is"
                + " that of the clean run, 0 that of the corrupted one.",
            metric,
            patching.clean(),
            patching.corrupted()),
        patching.site() == Site.HEAD_BY_POSITION ? "head" : "layer",
        patching.rows(),
        byPosition ? clean.length > 0 ? "token" : "position" : "head",
        columns,
        List.of(Measure.of("score", Scale.DIVERGING, -1, 1, scores)));
  }

  /** Returns the loss of a metric without each component. */
  public static Grid ablation(ComponentAblation ablation, String title) {
    var effects = new double[ablation.rows().size()][ablation.columns().size()];
    for (int row = 0; row < effects.length; row++) {
      int r = row;
      Arrays.setAll(effects[row], column -> ablation.effect(r, column));
    }
    return Grid.heatMap(
        "Ablation",
        String.format(
            Locale.ROOT, "What is lost without each: %s, %.3f.", title, ablation.metric()),
        ablation.site() == Site.HEAD_BY_POSITION ? "head" : "layer",
        ablation.rows(),
        ablation.site().byPosition() ? "position" : "head",
        ablation.columns(),
        List.of(Measure.of("effect", Scale.DIVERGING, effects)));
  }

  /**
   * Returns scores of path patching, by layer and head of the sender.
   *
   * @param metric its name, such as {@code logit difference}
   */
  public static Grid paths(
      PathPatching patching, PathPatching.Sender sender, String receiver, String metric) {
    boolean heads = sender == PathPatching.Sender.HEAD;
    String note =
        String.format(
            Locale.ROOT,
            "Remaining %s if %s receives the corrupt activation of a %s:"
                + " clean %.3f, corrupted %.3f. 1 is that of the clean run, 0 that of the corrupted"
                + " one.",
            metric,
            receiver,
            heads ? "head" : "feed-forward block",
            patching.clean(),
            patching.corrupted());
    if (!heads) {
      double[][] scores = values(patching.scores(), Double::doubleValue);
      return Grid.heatMap(
          "Path patching",
          note,
          "layer",
          numbers(scores.length),
          "component",
          List.of("mlp"),
          List.of(Measure.of("score", Scale.DIVERGING, scores)));
    }
    List<HeadValue> scores = new ArrayList<>();
    for (int l = 0; l < patching.scores().size(); l++) {
      for (int h = 0; h < patching.scores().get(l).size(); h++) {
        scores.add(new HeadValue(l, h, patching.scores().get(l).get(h)));
      }
    }
    return byHead(
        "Path patching", note, List.of(new Score("score", Scale.DIVERGING, false, scores)));
  }

  /**
   * Returns the probability of the answer by restored activation: rows are layers, columns tokens.
   */
  public static Grid tracing(Model model, int[] tokens, CausalTracing tracing, int answer) {
    String title = "probability of “" + model.tokenizer().piece(answer) + "”";
    return tracing(model, tokens, tracing, title, true);
  }

  /**
   * Returns a metric by restored activation: rows are layers, columns tokens.
   *
   * @param metric its name
   * @param probability whether it is from 0 to 1
   */
  public static Grid tracing(
      Model model, int[] tokens, CausalTracing tracing, String metric, boolean probability) {
    int layers = tracing.restored().size();
    double[][] restored = values(tracing.restored(), Double::doubleValue);
    return Grid.heatMap(
        "Causal tracing",
        String.format(
            Locale.ROOT,
            "The %s with one activation restored: in the clean run %.3f, with noise on the subject"
                + " %.3f.",
            metric,
            tracing.clean(),
            tracing.corrupted()),
        "layer",
        numbers(layers),
        "token",
        TokenTexts.of(model, Arrays.stream(tokens).boxed().toList()),
        List.of(
            probability
                ? Measure.of("probability", Scale.SEQUENTIAL, 0, 1, restored)
                : Measure.of("metric", Scale.SEQUENTIAL, restored)));
  }
}
