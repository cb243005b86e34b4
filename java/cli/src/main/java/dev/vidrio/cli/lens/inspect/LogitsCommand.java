package dev.vidrio.cli.lens.inspect;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.edit.EditOption;
import dev.vidrio.cli.lens.option.StreamsOption;
import dev.vidrio.cli.lens.option.TextCommand;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.TunedLens;
import dev.vidrio.lens.inspect.LogitLens;
import dev.vidrio.lens.page.View;
import dev.vidrio.lens.page.Views;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens logits}. */
@Command(
    name = "logits",
    description = {
      "The logit lens: shows the next-token prediction after each layer.",
      "One line per token of the text; each cell is the most likely next token and its probability"
          + " in percent. Of more than four layers, four are shown; JSON has all."
    })
public final class LogitsCommand extends TextCommand<LogitLens> {
  /** The number of layers that fit a line of 80 characters. */
  private static final int COLUMNS = 4;

  private static final int TOKEN = 11;

  @Mixin private StreamsOption streams = new StreamsOption();
  @Mixin private EditOption edits = new EditOption();

  @Option(names = "--top", paramLabel = "K", description = "Tokens per cell in JSON.")
  private int top = 5;

  @Option(
      names = "--tuned",
      paramLabel = "FILE",
      description = "Read through a tuned lens, written by 'lens tune'.")
  private @Nullable Path tuned;

  @Override
  protected LogitLens run(Lens lens, int[] tokens) {
    LogitLens.Translation translation =
        tuned == null ? LogitLens.Translation.NONE : TunedLens.load(lens, tuned);
    return LogitLens.of(
        lens, tokens, streams.capture(tokens.length), top, translation, edits.of(lens, tokens));
  }

  @Override
  protected void print(LogitLens lens) {
    int[] shown = evenly(lens.points().size());
    System.out.println("most likely next token by layer, with its probability in %");
    var head = new StringBuilder("%-11s".formatted("token"));
    for (int row : shown) {
      head.append("    % ").append("%-11s".formatted(label(lens.points().get(row))));
    }
    System.out.println(head.toString().stripTrailing());
    for (int i = 0; i < lens.cells().getFirst().size(); i++) {
      var line =
          new StringBuilder(TokenText.column(model(), lens.tokens().get(lens.from() + i), TOKEN));
      for (int row : shown) {
        LogitLens.Candidate best = lens.cells().get(row).get(i).top().getFirst();
        String token = TokenText.column(model(), best.token(), TOKEN);
        line.append("  %3.0f %s".formatted(100 * best.probability(), token));
      }
      System.out.println(line.toString().stripTrailing());
    }
    Hint.print("'vidrio lens dla' shows which components write the prediction.");
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
  protected void fill(JsonObject object, LogitLens lens) {
    var rows = new JsonObject();
    for (int row = 0; row < lens.points().size(); row++) {
      rows.put(
          lens.points().get(row).name(), lens.cells().get(row).stream().map(this::toJson).toList());
    }
    object.with("tokens", lens.tokens()).with("from", lens.from()).with("hooks", rows);
  }

  private JsonObject toJson(LogitLens.Cell cell) {
    List<JsonObject> candidates =
        cell.top().stream()
            .map(
                candidate ->
                    TokenText.toJson(model(), candidate.token())
                        .with("probability", candidate.probability()))
            .toList();
    return new JsonObject()
        .with("top", candidates)
        .with("entropy_bits", cell.entropy())
        .with("rank_of_final", cell.rank())
        .with("kl_bits", cell.divergence());
  }

  @Override
  protected List<? extends View> views(LogitLens lens) {
    return List.of(Views.logitLens(model(), lens));
  }
}
