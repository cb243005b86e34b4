package dev.vidrio.cli.lens.attribute;

import dev.vidrio.cli.io.Heat;
import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.InputOutput;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.EditOption;
import dev.vidrio.cli.lens.option.PositionOption;
import dev.vidrio.cli.lens.option.TextCommand;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.cli.option.JsonHelp;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.TextChunks;
import dev.vidrio.lens.attribute.FlowImportance;
import dev.vidrio.lens.attribute.FlowRoutes;
import dev.vidrio.lens.attribute.FlowRoutes.Block;
import dev.vidrio.lens.attribute.FlowRoutes.Edge;
import dev.vidrio.lens.page.Bars;
import dev.vidrio.lens.page.RoutesView;
import dev.vidrio.lens.page.View;
import dev.vidrio.lens.page.Views;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens routes}. */
@Command(
    name = "routes",
    description = {
      "Information flow routes: traces a prediction back through the streams of tokens that it"
          + " comes from, in one forward pass.",
      "A residual stream is a sum of the token's own earlier stream, of what each head adds from"
          + " each token, and of the feed-forward block. The shares of the edges into a stream add"
          + " up to 1. From the last stream of the token downwards, edges with a share above the"
          + " threshold are followed.",
      "One line per edge of a head, from the last layer down; JSON and pages have all edges."
          + " --average measures heads and feed-forward blocks over all tokens of a text instead,"
          + " and --against compares them with those of a text of another domain or language."
    })
@JsonHelp("Print JSON with all edges, or all components.")
public final class RoutesCommand extends TextCommand<RoutesCommand.Found> {
  private static final int LENGTH = 128;
  private static final int TOKEN = 16;

  /** The threshold down to which the slider of a page goes. */
  private static final double LOWEST = 0.01;

  @Mixin private PositionOption position = new PositionOption();
  @Mixin private EditOption edits = new EditOption();

  @Option(
      names = "--threshold",
      paramLabel = "T",
      description = "Follow edges with a share above T, 0 to 1.")
  private double threshold = FlowRoutes.THRESHOLD;

  @Option(names = "--top", paramLabel = "K", description = "Lines to print, of the largest shares.")
  private int top = 20;

  @Option(
      names = "--average",
      description = {
        "Average the shares of heads and other blocks over all tokens of the text.",
        "active: the fraction of tokens into which the block has an edge above the threshold."
      })
  private boolean average;

  @Option(
      names = "--length",
      paramLabel = "N",
      description = {
        "Tokens per chunk of the text, with --average.",
        "Default: 128, or the context length if that is shorter."
      })
  private @Nullable Integer length;

  @Option(
      names = "--against",
      paramLabel = "FILE",
      description =
          "Compare with the components of this text, with --average: those that are active in one"
              + " text only serve its domain or language.")
  private @Nullable Path against;

  /** The routes of a prediction, or the components of a text or two. */
  sealed interface Found {}

  record Routes(FlowRoutes routes) implements Found {}

  /**
   * The components of a text.
   *
   * @param tokens the number of tokens that they are averaged over
   */
  record Averages(List<FlowImportance> components, int tokens) implements Found {}

  /** The components of two texts, in equal order. */
  record Domains(Averages here, Averages there) implements Found {
    /** Returns the differences of active fractions, the largest first. */
    List<Difference> ranked() {
      return IntStream.range(0, here.components.size())
          .mapToObj(i -> new Difference(here.components.get(i), there.components.get(i)))
          .sorted(Comparator.comparingDouble(part -> -Math.abs(part.value())))
          .toList();
    }
  }

  /** A component in two texts. */
  record Difference(FlowImportance here, FlowImportance there) {
    double value() {
      return here.active() - there.active();
    }
  }

  @Override
  protected void check() {
    super.check();
    FlowRoutes.requireThreshold(threshold);
    boolean positioned = command().commandLine().getParseResult().hasMatchedOption("--position");
    if (average && positioned) {
      throw new UsageException("--position: cannot be combined with --average");
    }
    if (!average && length != null) {
      throw new UsageException("--length: needs --average");
    }
    if (!average && against != null) {
      throw new UsageException("--against: needs --average");
    }
  }

  @Override
  protected Found run(Lens lens, int[] tokens) {
    if (average) {
      edits.requireOneText();
      Averages here = averages(lens, tokens);
      return against == null
          ? here
          : new Domains(
              here, averages(lens, lens.model().tokenizer().encode(InputOutput.read(against))));
    }
    int at = position.of(tokens);
    double lowest = isDrawn() ? Math.min(threshold, LOWEST) : threshold;
    return new Routes(FlowRoutes.of(edits.apply(lens, tokens), tokens, at, lowest));
  }

  private Averages averages(Lens lens, int[] tokens) {
    int most = Math.min(LENGTH, lens.model().architecture().contextLength());
    List<int[]> chunks =
        TextChunks.of(lens.model(), tokens, Objects.requireNonNullElse(length, most));
    int counted = chunks.stream().mapToInt(chunk -> chunk.length - 1).sum();
    return new Averages(FlowImportance.of(lens, chunks, threshold), counted);
  }

  @Override
  protected void print(Found found) {
    switch (found) {
      case Routes(FlowRoutes routes) -> print(routes);
      case Averages averages -> print(averages);
      case Domains domains -> print(domains);
    }
  }

  private void print(Domains domains) {
    System.out.printf(
        "fraction of tokens with an edge of the block above %s, over %d tokens here and %d there%n",
        threshold, domains.here.tokens, domains.there.tokens);
    System.out.printf("%-8s %6s %6s %10s%n", "block", "here", "there", "difference");
    domains.ranked().stream()
        .limit(Math.max(0, top))
        .forEach(
            part ->
                System.out.printf(
                    "%-8s %6.3f %6.3f %+10.3f%n",
                    part.here.name(), part.here.active(), part.there.active(), part.value()));
    Hint.print("'vidrio lens concepts' finds neurons of classes of texts.");
  }

  private void print(FlowRoutes routes) {
    int at = routes.position();
    System.out.printf(
        "edges with a share above %s that lead to the prediction at position %d, %s: %d%n",
        threshold, at, TokenText.of(model(), tokens()[at]), routes.edges().size());
    System.out.printf(
        "from the embeddings of %d of %d tokens: %s%n",
        routes.sources().size(),
        at + 1,
        routes.sources().stream().map(String::valueOf).collect(Collectors.joining(" ")));
    List<Edge> heads = routes.edges().stream().filter(edge -> edge.block() == Block.HEAD).toList();
    double least =
        heads.stream()
            .map(Edge::share)
            .sorted(Comparator.reverseOrder())
            .limit(Math.max(0, top))
            .reduce(2.0, Math::min);
    System.out.printf("%-8s %5s  %-21s  %s%n", "head", "share", "from token", "to token");
    heads.stream()
        .filter(edge -> edge.share() >= least)
        .forEach(
            edge ->
                System.out.printf(
                    "%-8s %s  %s  %s%n",
                    edge.name(), cell(edge.share()), token(edge.from()), token(edge.to()).strip()));
    Hint.print("'-o FILE.html' draws all edges; '--average' measures heads over a whole text.");
  }

  private String token(int at) {
    return "%4d ".formatted(at) + TokenText.column(model(), tokens()[at], TOKEN);
  }

  private static String cell(double share) {
    return Heat.cell(String.format("%5.3f", share), share);
  }

  private void print(Averages averages) {
    System.out.printf(
        "mean share in the stream that a block adds to, over %d tokens; active: fraction of tokens"
            + " with%nan edge above %s%n",
        averages.tokens, threshold);
    System.out.printf(
        "%-8s %5s %6s    %-12s %5s %6s%n", "head", "share", "active", "other", "share", "active");
    List<FlowImportance> heads = ranked(averages, true);
    List<FlowImportance> others = ranked(averages, false);
    for (int i = 0; i < Math.min(top, Math.max(heads.size(), others.size())); i++) {
      System.out.printf("%s    %s%n", cells(heads, i, 8), cells(others, i, 12).stripTrailing());
    }
    Hint.print("'vidrio lens attention' shows where heads attend.");
  }

  private static List<FlowImportance> ranked(Averages averages, boolean heads) {
    return averages.components.stream()
        .filter(component -> (component.block() == Block.HEAD) == heads)
        .sorted(Comparator.comparingDouble(FlowImportance::share).reversed())
        .toList();
  }

  private static String cells(List<FlowImportance> ranked, int i, int width) {
    if (i >= ranked.size()) {
      return " ".repeat(width + 13);
    }
    FlowImportance component = ranked.get(i);
    String name = component.name() + " ".repeat(Math.max(0, width - component.name().length()));
    return name + " " + cell(component.share()) + " " + " " + cell(component.active());
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    switch (found) {
      case Routes(FlowRoutes routes) ->
          object
              .with("tokens", tokens())
              .with("position", routes.position())
              .with("threshold", routes.threshold())
              .with("edges", routes.edges().stream().map(RoutesCommand::toJson).toList());
      case Averages averages ->
          object
              .with("tokens", averages.tokens)
              .with("threshold", threshold)
              .with("components", averages.components.stream().map(RoutesCommand::toJson).toList());
      case Domains domains ->
          object
              .with("tokens", domains.here.tokens)
              .with("other_tokens", domains.there.tokens)
              .with("threshold", threshold)
              .with(
                  "components",
                  domains.ranked().stream()
                      .map(
                          part ->
                              toJson(part.here)
                                  .with("other_share", part.there.share())
                                  .with("other_active", part.there.active()))
                      .toList());
    }
  }

  private static JsonObject toJson(Edge edge) {
    return new JsonObject()
        .with("block", edge.name())
        .with("layer", edge.layer())
        .with("read", edge.read().suffix())
        .with("from", edge.from())
        .with("into", edge.into().suffix())
        .with("to", edge.to())
        .with("share", edge.share());
  }

  private static JsonObject toJson(FlowImportance component) {
    return new JsonObject()
        .with("block", component.name())
        .with("layer", component.layer())
        .with("share", component.share())
        .with("active", component.active());
  }

  @Override
  protected List<? extends View> views(Found found) {
    return switch (found) {
      case Routes(FlowRoutes routes) ->
          List.of(RoutesView.of(model(), tokens(), routes, threshold));
      case Averages averages -> Views.importance(averages.components, threshold);
      case Domains domains ->
          List.of(
              new Bars(
                  "Components of one text",
                  "Fraction of tokens with an edge of the block above the threshold, less that of"
                      + " the other text.",
                  domains.ranked().stream()
                      .limit(Math.max(0, top))
                      .map(part -> new Bars.Bar(part.here.name(), part.value()))
                      .toList()));
    };
  }
}
