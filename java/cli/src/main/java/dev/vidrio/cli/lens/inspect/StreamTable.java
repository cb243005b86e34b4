package dev.vidrio.cli.lens.inspect;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.inspect.LogitLens;
import dev.vidrio.lens.page.View;
import dev.vidrio.lens.page.Views;
import dev.vidrio.model.Model;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;

/**
 * The predictions of residual streams.
 *
 * @param allPositions whether the text has the ranks of the token at all positions, or at the last
 * @param ahead number of tokens between the position that is read and that of the prediction; 0
 *     except for a future lens
 */
record StreamTable(Model model, LogitLens lens, boolean allPositions, int ahead)
    implements LogitTable {
  /** The number of layers that fit a line of 80 characters. */
  private static final int COLUMNS = 4;

  private static final int TOKEN = 11;

  @Override
  public void print() {
    if (lens.token() < 0) {
      printPredictions();
      Hint.print("'vidrio lens dla' shows which components write the prediction.");
      return;
    }
    int n = lens.cells().getFirst().size();
    for (int i = allPositions ? 0 : n - 1; i < n; i++) {
      printRanks(i);
    }
    Hint.print("--hooks '*.hook_attn_out,*.hook_mlp_out' shows which layers promote the token.");
  }

  private void printPredictions() {
    int[] shown = evenly(lens.points().size());
    System.out.println(
        ahead == 0
            ? "most likely next token by layer, with its probability in %"
            : "most likely token %d after the next by layer, with its probability in %%"
                .formatted(ahead));
    var head = new StringBuilder("%-11s".formatted("token"));
    for (int row : shown) {
      head.append("    % ").append("%-11s".formatted(label(lens.points().get(row))));
    }
    System.out.println(head.toString().stripTrailing());
    for (int i = 0; i < lens.cells().getFirst().size(); i++) {
      var line =
          new StringBuilder(TokenText.column(model, lens.tokens().get(lens.from() + i), TOKEN));
      for (int row : shown) {
        line.append("  ").append(likely(lens.cells().get(row).get(i)));
      }
      System.out.println(line.toString().stripTrailing());
    }
  }

  private void printRanks(int i) {
    System.out.printf(
        "%s as %s position %d, %s, by layer: its rank from 0,%n"
            + "its probability, and KL(final ‖ layer) of the whole prediction in bits%n",
        TokenText.of(model, lens.token()),
        ahead == 0 ? "next token after" : "token %d after the next of".formatted(ahead),
        lens.from() + i,
        TokenText.of(model, lens.tokens().get(lens.from() + i)));
    System.out.println("layer           rank   probability       KL    % most likely");
    for (int row = 0; row < lens.points().size(); row++) {
      LogitLens.Cell cell = lens.cells().get(row).get(i);
      LogitLens.Standing standing = Objects.requireNonNull(cell.standing());
      String line =
          "%-11s  %7d  %12.3g  %7s  %s"
              .formatted(
                  label(lens.points().get(row)),
                  standing.rank(),
                  standing.probability(),
                  cell.rank() < 0 ? "-" : "%.3f".formatted(cell.divergence()),
                  likely(cell));
      System.out.println(line.stripTrailing());
    }
  }

  private String likely(LogitLens.Cell cell) {
    LogitLens.Candidate best = cell.top().getFirst();
    String token = TokenText.column(model, best.token(), TOKEN);
    return "%3.0f %s".formatted(100 * best.probability(), token);
  }

  /** Returns evenly spaced indices of n rows, including the last. */
  private static int[] evenly(int n) {
    int count = Math.min(n, COLUMNS);
    return IntStream.range(0, count)
        .map(i -> count == 1 ? n - 1 : Math.round(i * (n - 1) / (float) (count - 1)))
        .toArray();
  }

  private static String label(HookPoint point) {
    return switch (point.site()) {
      case RESID_POST -> "layer " + point.layer();
      case RESID_PRE -> "before " + point.layer();
      case RESID_MID -> "middle " + point.layer();
      default -> "embedding";
    };
  }

  @Override
  public void fill(JsonObject object) {
    var rows = new JsonObject();
    for (int row = 0; row < lens.points().size(); row++) {
      rows.put(
          lens.points().get(row).name(),
          lens.cells().get(row).stream().map(cell -> toJson(model, cell)).toList());
    }
    object.with("tokens", lens.tokens()).with("from", lens.from());
    if (ahead > 0) {
      object.put("ahead", ahead);
    }
    if (lens.token() >= 0) {
      object.put("token", lens.token());
    }
    object.put("hooks", rows);
  }

  /** Returns a prediction as JSON. */
  static JsonObject toJson(Model model, LogitLens.Cell cell) {
    List<JsonObject> candidates =
        cell.top().stream()
            .map(
                candidate ->
                    TokenText.toJson(model, candidate.token())
                        .with("probability", candidate.probability()))
            .toList();
    JsonObject json = new JsonObject().with("top", candidates).with("entropy_bits", cell.entropy());
    if (cell.rank() >= 0) {
      json.with("rank_of_final", cell.rank()).with("kl_bits", cell.divergence());
    }
    LogitLens.Standing standing = cell.standing();
    return standing == null
        ? json
        : json.with("token_rank", standing.rank())
            .with("token_probability", standing.probability());
  }

  @Override
  public View view() {
    return Views.logitLens(model, lens);
  }
}
