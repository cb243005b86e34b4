package dev.vidrio.cli.lens.inspect;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.lens.decode.AttentionLens;
import dev.vidrio.lens.inspect.LogitLens;
import dev.vidrio.lens.page.View;
import dev.vidrio.lens.page.Views;
import dev.vidrio.model.Model;
import java.util.Objects;

/** The predictions of the outputs of heads. */
record HeadTable(Model model, AttentionLens.Reading lens) implements LogitTable {
  private static final int TOKENS = 3;
  private static final int WIDTH = 11;

  @Override
  public void print() {
    for (int i = 0; i < lens.cells().getFirst().size(); i++) {
      print(i);
    }
    Hint.print("--token TEXT follows a token through the heads.");
  }

  private void print(int i) {
    boolean followed = lens.token() >= 0;
    System.out.printf(
        "what the output of each head predicts after position %d, %s,%n"
            + "and KL(final ‖ head) in bits%n",
        lens.from() + i, TokenText.of(model, lens.tokens().get(lens.from() + i)));
    if (followed) {
      System.out.printf(
          "%s: its rank, from 0, and probability%n", TokenText.of(model, lens.token()));
    }
    System.out.println(
        "head          KL" + (followed ? "    rank  probability" : "") + "    % most likely");
    for (int h = 0; h < lens.heads().size(); h++) {
      LogitLens.Cell cell = lens.cells().get(h).get(i);
      var line = new StringBuilder("%-8s %7.3f".formatted(lens.heads().get(h), cell.divergence()));
      if (followed) {
        LogitLens.Standing standing = Objects.requireNonNull(cell.standing());
        line.append("  %6d  %11.3g".formatted(standing.rank(), standing.probability()));
      }
      cell.top().stream()
          .limit(TOKENS)
          .forEach(
              best ->
                  line.append("  %3.0f ".formatted(100 * best.probability()))
                      .append(TokenText.column(model, best.token(), WIDTH)));
      System.out.println(line.toString().stripTrailing());
    }
  }

  @Override
  public void fill(JsonObject object) {
    var rows = new JsonObject();
    for (int h = 0; h < lens.heads().size(); h++) {
      rows.put(
          lens.heads().get(h).toString(),
          lens.cells().get(h).stream().map(cell -> StreamTable.toJson(model, cell)).toList());
    }
    object.with("tokens", lens.tokens()).with("from", lens.from());
    if (lens.token() >= 0) {
      object.put("token", lens.token());
    }
    object.put("heads", rows);
  }

  @Override
  public View view() {
    return Views.attentionLens(model, lens);
  }
}
