package dev.vidrio.cli.lens.circuit;

import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.option.HeadName;
import dev.vidrio.cli.lens.option.PositionOption;
import dev.vidrio.cli.lens.option.TextCommand;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.cli.option.JsonHelp;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.graph.GraphNode;
import dev.vidrio.lens.graph.ScoreAttribution;
import dev.vidrio.lens.graph.ScoreAttribution.Pair;
import dev.vidrio.lens.page.Bars;
import dev.vidrio.lens.page.View;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code vidrio lens qk}. */
@Command(
    name = "qk",
    description = {
      "QK attribution: why a head attends from a token to another.",
      "The score before the softmax is a sum over pairs of a node that acts on the query and a node"
          + " that acts on the key. Nodes are those of 'lens graph': features of --transcoders or"
          + " neurons, errors and embeddings, with patterns, the divisors of norms and gates as"
          + " constants. The rest is that of biases.",
      "Prints the strongest pairs, and the sums over all pairs of each node."
    })
@JsonHelp("Print JSON with the strongest pairs, and the sums of nodes.")
public final class QkCommand extends TextCommand<QkCommand.Found> {
  private static final int NAME = 34;

  @Option(
      names = "--head",
      paramLabel = "L1.H3",
      required = true,
      description = "The head, by layer and number.")
  private String name = "";

  @Option(
      names = "--query",
      paramLabel = "N",
      description = "Position of the token that attends; -1 is the last.")
  private int query = -1;

  @Option(
      names = "--key",
      paramLabel = "N",
      required = true,
      description = "Position of the token that is attended to.")
  private int key;

  @Option(
      names = "--transcoders",
      paramLabel = "DIRECTORY",
      description = {"Transcoders, as of 'lens graph'.", "Default: neurons."})
  private @Nullable Path directory;

  @Option(names = "--top", paramLabel = "K", description = "Pairs and nodes of each kind.")
  private int top = 10;

  /** An attributed score and its positions. */
  record Found(ScoreAttribution score, int query, int key, List<Pair> pairs) {}

  @Override
  protected Found run(Lens lens, int[] text) {
    HeadName head = HeadName.parse(name);
    int from = PositionOption.of(text, "query", query);
    int to = PositionOption.of(text, "key", key);
    try (OpenFeatures opened = OpenFeatures.of(lens, directory)) {
      ScoreAttribution score =
          ScoreAttribution.of(lens, text, opened.features(), head.layer(), head.head(), from, to);
      return new Found(score, from, to, score.strongest(top));
    }
  }

  private String name(@Nullable GraphNode node) {
    return node == null
        ? "rest"
        : node.name() + " " + TokenText.of(model(), tokens()[node.position()]);
  }

  @Override
  protected void print(Found found) {
    System.out.printf(
        "%s from %d %s to %d %s: score %.3f, pairs sum to %.3f%n",
        name,
        found.query,
        TokenText.of(model(), tokens()[found.query]),
        found.key,
        TokenText.of(model(), tokens()[found.key]),
        found.score.score(),
        found.score.explained());
    System.out.printf("%9s  %s  key%n", "effect", TokenText.column("query", NAME));
    for (Pair pair : found.pairs) {
      String from = TokenText.column(name(pair.query()), NAME);
      System.out.printf("%+9.3f  %s  %s%n", pair.value(), from, name(pair.key()));
    }
    print("query, with all keys", found.score.ofQueries());
    print("key, with all queries", found.score.ofKeys());
  }

  private void print(String title, List<Pair> sums) {
    System.out.printf("%9s  %s%n", "effect", title);
    sums.stream()
        .limit(top)
        .forEach(pair -> System.out.printf("%+9.3f  %s%n", pair.value(), name(one(pair))));
  }

  /** Returns the only node of a sum. */
  private static @Nullable GraphNode one(Pair pair) {
    return pair.query() == null ? pair.key() : pair.query();
  }

  private static String plain(@Nullable GraphNode node) {
    return node == null ? "rest" : node.name();
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    object.with("tokens", tokens()).with("head", name);
    object.with("query", found.query).with("key", found.key);
    object.with("score", found.score.score()).with("explained", found.score.explained());
    object.put(
        "pairs",
        found.pairs.stream()
            .map(
                pair ->
                    new JsonObject()
                        .with("query", plain(pair.query()))
                        .with("key", plain(pair.key()))
                        .with("effect", pair.value()))
            .toList());
    object.put("queries", toJson(found.score.ofQueries()));
    object.put("keys", toJson(found.score.ofKeys()));
  }

  private List<JsonObject> toJson(List<Pair> sums) {
    return sums.stream()
        .limit(top)
        .map(pair -> new JsonObject().with("node", plain(one(pair))).with("effect", pair.value()))
        .toList();
  }

  @Override
  protected List<? extends View> views(Found found) {
    String note =
        String.format(
            Locale.ROOT,
            "The parts of the score of %s from token %d to token %d, %.3f. All pairs sum to"
                + " %.3f.",
            name,
            found.query,
            found.key,
            found.score.score(),
            found.score.explained());
    return List.of(
        new Bars(
            "Pairs of a node at the query and a node at the key",
            note,
            found.pairs.stream()
                .map(
                    pair ->
                        new Bars.Bar(name(pair.query()) + " · " + name(pair.key()), pair.value()))
                .toList()),
        bars("Nodes at the query", found.score.ofQueries()),
        bars("Nodes at the key", found.score.ofKeys()));
  }

  private Bars bars(String title, List<Pair> sums) {
    return new Bars(
        title,
        "Sums over all pairs.",
        sums.stream().limit(top).map(pair -> new Bars.Bar(name(one(pair)), pair.value())).toList());
  }
}
