package dev.vidrio.cli.lens.inspect;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.lens.inspect.ComponentLens;
import dev.vidrio.lens.inspect.ComponentLens.Cell;
import dev.vidrio.lens.inspect.ComponentLens.Effect;
import dev.vidrio.lens.page.View;
import dev.vidrio.lens.page.Views;
import dev.vidrio.model.Model;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The contributions of components to the logits.
 *
 * @param softmax whether to give probabilities under a softmax over each component alone
 */
record ComponentTable(Model model, ComponentLens lens, boolean softmax) implements LogitTable {
  /** Maximum components in a text. */
  private static final int ROWS = 32;

  private static final int LINE = 80;
  private static final int TOKEN = 11;

  @Override
  public void print() {
    int width = lens.components().stream().mapToInt(String::length).max().orElseThrow();
    for (int i = 0; i < lens.cells().getFirst().size(); i++) {
      printPosition(i, "%-" + Math.max(9, width) + "s");
    }
    Hint.print("--json has all; 'vidrio lens dla' ranks components by one token's logit.");
  }

  private void printPosition(int i, String name) {
    List<Integer> shown = largest(i);
    System.out.printf(
        "what components add to the logits%s after position %d, %s%n",
        lens.capped() ? " before the soft cap" : "",
        lens.from() + i,
        TokenText.of(model, lens.tokens().get(lens.from() + i)));
    if (shown.size() < lens.components().size()) {
      System.out.printf(
          "the %d of %d components with the largest standard deviation (sd)%n",
          shown.size(), lens.components().size());
    } else {
      System.out.println("sd is the standard deviation over the vocabulary");
    }
    if (lens.token() >= 0) {
      System.out.printf(
          "%s: what is added to its logit, and its rank, from 0, the most promoted%n",
          TokenText.of(model, lens.token()));
    }
    String fixed = name.formatted("component") + "     sd";
    fixed += lens.token() < 0 ? "" : "   logit   rank";
    int room = LINE - fixed.length() - 2;
    int half = room / 2;
    System.out.println(
        fixed
            + (softmax
                ? "    % most likely by this component alone"
                : ("  %-" + half + "s%s").formatted(" up to  promotes", " up to  demotes")));
    for (int c : shown) {
      Cell cell = lens.cells().get(c).get(i);
      String line = name.formatted(lens.components().get(c)) + number(" %6.2f", cell.deviation());
      ComponentLens.Standing standing = cell.standing();
      if (standing != null) {
        line += number(" %+7.2f", standing.logit()) + " %6d".formatted(standing.rank());
      }
      line +=
          softmax
              ? "  " + likely(cell, room)
              : "  " + extreme(cell.promoted(), half - 1) + " " + extreme(cell.demoted(), half);
      System.out.println(line.stripTrailing());
    }
  }

  /** Returns the components that change the distribution most, in the order of the model. */
  private List<Integer> largest(int i) {
    return IntStream.range(0, lens.components().size())
        .boxed()
        .sorted(Comparator.comparingDouble(c -> -lens.cells().get(c).get(i).deviation()))
        .limit(ROWS)
        .sorted()
        .toList();
  }

  /** Returns the largest value and its tokens. */
  private String extreme(List<Effect> effects, int width) {
    List<Integer> tokens = effects.stream().map(Effect::token).toList();
    return number("%+6.2f", effects.getFirst().logit())
        + "  "
        + TokenText.column(model, tokens, width - 8);
  }

  private String likely(Cell cell, int room) {
    return cell.promoted().stream()
        .limit(room / (TOKEN + 5))
        .map(
            effect ->
                "%3.0f %s"
                    .formatted(
                        100 * cell.probability(effect.logit()),
                        TokenText.column(model, effect.token(), TOKEN)))
        .collect(Collectors.joining(" "));
  }

  /** Formats a number, with fewer digits if it is large. */
  private static String number(String format, double value) {
    return (Math.abs(value) < 100 ? format : format.replace(".2f", ".0f")).formatted(value);
  }

  @Override
  public void fill(JsonObject object) {
    var rows = new JsonObject();
    for (int c = 0; c < lens.components().size(); c++) {
      rows.put(lens.components().get(c), lens.cells().get(c).stream().map(this::toJson).toList());
    }
    object.with("tokens", lens.tokens()).with("from", lens.from());
    if (lens.token() >= 0) {
      object.put("token", lens.token());
    }
    if (lens.capped()) {
      object.put("capped", true);
    }
    object.put("components", rows);
  }

  private JsonObject toJson(Cell cell) {
    JsonObject json =
        new JsonObject()
            .with("promoted", toJson(cell, cell.promoted()))
            .with("demoted", toJson(cell, cell.demoted()))
            .with("standard_deviation", cell.deviation());
    ComponentLens.Standing standing = cell.standing();
    return standing == null
        ? json
        : json.with("token_logit", standing.logit()).with("token_rank", standing.rank());
  }

  private List<JsonObject> toJson(Cell cell, List<Effect> effects) {
    return effects.stream().map(effect -> toJson(cell, effect)).toList();
  }

  private JsonObject toJson(Cell cell, Effect effect) {
    JsonObject json = TokenText.toJson(model, effect.token()).with("logit", effect.logit());
    return softmax ? json.with("probability", cell.probability(effect.logit())) : json;
  }

  @Override
  public View view() {
    return Views.componentLens(model, lens);
  }
}
