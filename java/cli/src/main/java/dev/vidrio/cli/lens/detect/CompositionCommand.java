package dev.vidrio.cli.lens.detect;

import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.option.HeadName;
import dev.vidrio.cli.lens.option.PageCommand;
import dev.vidrio.cli.option.JsonHelp;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.circuit.Node;
import dev.vidrio.lens.decode.CompositionScores;
import dev.vidrio.lens.decode.CompositionScores.Kind;
import dev.vidrio.lens.decode.CompositionScores.Score;
import dev.vidrio.lens.page.View;
import dev.vidrio.lens.page.Views;
import dev.vidrio.model.Model;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code vidrio lens composition}. */
@Command(
    name = "composition",
    description = {
      "Finds pairs of heads in which the later reads what the earlier writes, by the weights"
          + " alone.",
      "Composition scores: |W_A W_B| / (|W_A| |W_B|), where W_A is W_OV of the earlier head. For Q"
          + " the later head's queries read (W_B = W_Q W_K'), for K its keys (W_K W_Q'), for V its"
          + " values (W_V W_O): a virtual head. Rotary positions and biases are ignored."
    })
@JsonHelp("Print JSON with the scores of all pairs, [earlier head][later head].")
public final class CompositionCommand extends PageCommand<List<CompositionScores>> {
  @Option(
      names = "--kind",
      paramLabel = "KIND",
      split = ",",
      description = "Q, K, V, or several separated by commas.")
  private Set<Kind> kinds = EnumSet.allOf(Kind.class);

  @Option(
      names = "--head",
      paramLabel = "L1.H3",
      description = "Only pairs with this head, as the earlier or the later.")
  private @Nullable String name;

  @Option(names = "--top", paramLabel = "K", description = "Pairs of each kind to print.")
  private int top = 12;

  private Node.@Nullable Head head;

  @Override
  protected List<CompositionScores> run(Model opened) {
    Lens lens = Lens.of(opened);
    if (name != null) {
      HeadName parsed = HeadName.parse(name);
      head = new Node.Head(parsed.layer(), parsed.head());
    }
    List<CompositionScores> scores = CompositionScores.of(lens, kinds);
    if (head != null && !scores.getFirst().heads().contains(head)) {
      throw new InvalidInputException("head", head.name(), "is not a head of the model");
    }
    return scores;
  }

  @Override
  protected void print(List<CompositionScores> scores) {
    System.out.printf(
        "composition score (0 to 1) of an earlier and a later head; random: %.3f%n",
        scores.getFirst().random());
    var header = new StringBuilder();
    scores.forEach(kind -> header.append("%-28s".formatted(kind.kind())));
    System.out.println(header.toString().stripTrailing());
    List<List<Score>> ranked = scores.stream().map(this::selected).toList();
    int pairs = ranked.stream().mapToInt(List::size).max().orElse(0);
    for (int i = 0; i < Math.clamp(top, 0, pairs); i++) {
      var line = new StringBuilder();
      for (List<Score> pair : ranked) {
        line.append("%-28s".formatted(i < pair.size() ? cell(pair.get(i)) : ""));
      }
      System.out.println(line.toString().stripTrailing());
    }
  }

  private static String cell(Score pair) {
    String heads = pair.from().name() + " → " + pair.to().name();
    return "%-18s%5.3f".formatted(heads, pair.value());
  }

  private List<Score> selected(CompositionScores scores) {
    return scores.ranked().stream()
        .filter(pair -> head == null || pair.from().equals(head) || pair.to().equals(head))
        .toList();
  }

  @Override
  protected void fill(JsonObject object, List<CompositionScores> scores) {
    CompositionScores any = scores.getFirst();
    object.put("random", any.random());
    object.put("heads", any.heads().stream().map(Node.Head::name).toList());
    for (CompositionScores kind : scores) {
      object.put(
          kind.kind().name(), Arrays.stream(kind.table()).map(CompositionCommand::row).toList());
    }
  }

  /** Returns a row with null for pairs without a score. */
  private static List<@Nullable Double> row(double[] scores) {
    return Arrays.stream(scores).mapToObj(Json::finite).toList();
  }

  @Override
  protected List<? extends View> views(List<CompositionScores> scores) {
    return List.of(head == null ? Views.compositions(scores) : Views.compositions(scores, head));
  }
}
