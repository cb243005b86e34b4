package dev.vidrio.cli.lens.inspect;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.lens.edit.EditOption;
import dev.vidrio.cli.lens.option.PageOption;
import dev.vidrio.cli.lens.option.StreamsOption;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.TunedLens;
import dev.vidrio.lens.inspect.LogitLens;
import dev.vidrio.lens.page.Views;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
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
public final class LogitsCommand implements Callable<Integer> {
  /** The number of layers that fit a line of 80 characters. */
  private static final int COLUMNS = 4;

  private static final int TOKEN = 11;

  @Mixin private ModelOption model = new ModelOption();
  @Mixin private TextInput input = new TextInput();
  @Mixin private PageOption page = new PageOption();
  @Mixin private StreamsOption streams = new StreamsOption();
  @Mixin private EditOption edits = new EditOption();

  @Option(
      names = "--top",
      paramLabel = "K",
      description = "Tokens per cell in JSON. Default: ${DEFAULT-VALUE}.")
  private int top = 5;

  @Option(
      names = "--tuned",
      paramLabel = "FILE",
      description = "Read through a tuned lens, written by 'lens tune'.")
  private @Nullable Path tuned;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    page.check();
    try (Model opened = model.open()) {
      int[] tokens = input.requiredIds(opened);
      LogitLens lens = read(Lens.of(opened), tokens);
      if (page.isWanted()) {
        page.write(opened, "vidrio lens logits", tokens, List.of(Views.logitLens(opened, lens)));
      } else if (json) {
        Json.print(contents(opened, lens));
      } else {
        print(opened, lens);
      }
    }
    return 0;
  }

  private LogitLens read(Lens lens, int[] tokens) {
    LogitLens.Translation translation =
        tuned == null ? LogitLens.Translation.NONE : TunedLens.load(lens, tuned);
    return LogitLens.of(
        lens, tokens, streams.capture(tokens.length), top, translation, edits.of(lens, tokens));
  }

  private static void print(Model model, LogitLens lens) {
    int[] shown = evenly(lens.points().size());
    System.out.println("most likely next token by layer, with its probability in %");
    var head = new StringBuilder("%-11s".formatted("token"));
    for (int row : shown) {
      head.append("    % ").append("%-11s".formatted(label(lens.points().get(row))));
    }
    System.out.println(head.toString().stripTrailing());
    for (int i = 0; i < lens.cells().getFirst().size(); i++) {
      var line =
          new StringBuilder(TokenText.column(model, lens.tokens().get(lens.from() + i), TOKEN));
      for (int row : shown) {
        LogitLens.Candidate best = lens.cells().get(row).get(i).top().getFirst();
        line.append(
            String.format(
                "  %3.0f %s",
                100 * best.probability(), TokenText.column(model, best.token(), TOKEN)));
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

  private static Map<String, Object> contents(Model model, LogitLens lens) {
    Map<String, Object> rows = new LinkedHashMap<>();
    for (int row = 0; row < lens.points().size(); row++) {
      rows.put(
          lens.points().get(row).name(),
          lens.cells().get(row).stream().map(cell -> contents(model, cell)).toList());
    }
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", model.name());
    result.put("tokens", lens.tokens());
    result.put("from", lens.from());
    result.put("hooks", rows);
    return result;
  }

  private static Map<String, Object> contents(Model model, LogitLens.Cell cell) {
    List<Map<String, Object>> candidates = new ArrayList<>();
    for (LogitLens.Candidate candidate : cell.top()) {
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("id", candidate.token());
      entry.put("piece", model.tokenizer().piece(candidate.token()));
      entry.put("probability", candidate.probability());
      candidates.add(entry);
    }
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("top", candidates);
    result.put("entropy_bits", cell.entropy());
    result.put("rank_of_final", cell.rank());
    result.put("kl_bits", cell.divergence());
    return result;
  }
}
