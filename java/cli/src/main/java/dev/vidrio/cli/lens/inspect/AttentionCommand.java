package dev.vidrio.cli.lens.inspect;

import dev.vidrio.cli.io.Heat;
import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.lens.detect.HeadJson;
import dev.vidrio.cli.lens.edit.EditOption;
import dev.vidrio.cli.lens.option.LayerNumber;
import dev.vidrio.cli.lens.option.PageOption;
import dev.vidrio.cli.lens.option.PositionsOption;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.detect.HeadScores;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.page.AttentionView;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens attention}. */
@Command(
    name = "attention",
    description = {
      "Shows where attention heads attend in a text.",
      "One line per head: the entropy of its pattern in bits, and its mean"
          + " weight on the token itself, the previous one, the first, earlier"
          + " occurrences of the same token, and tokens that followed those. --layer"
          + " with --head prints the pattern in percent."
    })
public final class AttentionCommand implements Callable<Integer> {
  private static final int TOKEN = 12;

  /** The number of keys that fit a line of 80 characters; the others follow in more blocks. */
  private static final int KEYS = 15;

  @Mixin private ModelOption model = new ModelOption();
  @Mixin private TextInput input = new TextInput();
  @Mixin private PositionsOption positions = new PositionsOption();
  @Mixin private EditOption edits = new EditOption();
  @Mixin private PageOption page = new PageOption();

  @Option(
      names = "--layer",
      paramLabel = "L",
      description = "Only this layer, from 0; negative numbers count from the end.")
  private @Nullable Integer layer;

  @Option(
      names = "--head",
      paramLabel = "H",
      description = "The pattern of this head of the layer, from 0.")
  private @Nullable Integer head;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    page.check();
    if (head != null && layer == null) {
      throw new InvalidInputException("head", head.toString(), "needs a --layer");
    }
    try (Model opened = model.open()) {
      int[] tokens = input.requiredIds(opened);
      Capture capture =
          positions.of(
              Capture.of("blocks." + blocks(opened) + ".attn.hook_pattern"), tokens.length);
      Lens lens = Lens.of(opened);
      try (ActivationCache cache = lens.run(tokens, capture, edits.of(lens, tokens))) {
        if (page.isWanted()) {
          page.write(
              opened, "vidrio lens attention", tokens, List.of(AttentionView.of(opened, cache)));
        } else if (head != null) {
          pattern(opened, cache, head);
        } else {
          scores(opened, cache);
        }
      }
    }
    return 0;
  }

  private String blocks(Model opened) {
    return layer == null ? "*" : Integer.toString(LayerNumber.of(opened, layer));
  }

  private void scores(Model opened, ActivationCache cache) {
    List<HeadScores> heads = HeadScores.of(cache);
    if (json) {
      Map<String, Object> result = new LinkedHashMap<>();
      result.put("model", opened.name());
      result.put("tokens", cache.tokens());
      result.put("from", cache.from());
      result.put("heads", heads.stream().map(HeadJson::contents).toList());
      Json.print(result);
      return;
    }
    System.out.println(
        "entropy in bits; mean attention weights (0 to 1) by kind of attended token");
    System.out.println("head     entropy current previous  first duplicate induction");
    for (HeadScores scores : heads) {
      System.out.printf(
          "%-8s %7s %s %s %s %s %s%n",
          scores.name(),
          text("%.2f", scores.entropy()),
          cell(scores.current(), 7),
          cell(scores.previous(), 8),
          cell(scores.first(), 6),
          cell(scores.duplicate(), 9),
          cell(scores.induction(), 9));
    }
    Hint.print("'--layer L --head H' prints a pattern; '-o FILE.html' draws all of them.");
  }

  private static String cell(double value, int width) {
    String text = text("%.3f", value);
    return Heat.cell(" ".repeat(width - text.length()) + text, value);
  }

  /** Formats a score, as a dash if the text is too short for it. */
  private static String text(String format, double value) {
    return Double.isNaN(value) ? "-" : String.format(format, value);
  }

  private void pattern(Model opened, ActivationCache cache, int h) {
    HookPoint point = cache.points().getFirst();
    Activation pattern = cache.get(HookSite.PATTERN, point.layer());
    if (h < 0 || h >= pattern.shape().getFirst()) {
      throw new InvalidInputException(
          "head",
          Integer.toString(h),
          "a layer has " + pattern.shape().getFirst() + " heads, counted from 0");
    }
    int keys = pattern.shape().get(2);
    if (json) {
      List<float[]> rows = new ArrayList<>();
      float[] all = pattern.row(h);
      for (int i = 0; i < cache.rows(); i++) {
        rows.add(Arrays.copyOfRange(all, i * keys, (i + 1) * keys));
      }
      Map<String, Object> result = new LinkedHashMap<>();
      result.put("model", opened.name());
      result.put("tokens", cache.tokens());
      result.put("from", cache.from());
      result.put("hook", point.name());
      result.put("head", h);
      result.put("pattern", rows);
      Json.print(result);
      return;
    }
    System.out.println("attention weight from query (row) to key (column), in %");
    for (int first = 0; first < keys; first += KEYS) {
      print(opened, cache, pattern, h, first, Math.min(first + KEYS, keys));
    }
  }

  /** Prints a range of keys, and the queries that attend to any of them. */
  private static void print(
      Model opened, ActivationCache cache, Activation pattern, int h, int first, int end) {
    var title = new StringBuilder(" ".repeat(TOKEN + 5));
    for (int j = first; j < end; j++) {
      title.append("%4d".formatted(j));
    }
    System.out.println(title);
    for (int i = Math.max(0, first - cache.from()); i < cache.rows(); i++) {
      int query = cache.from() + i;
      var line =
          new StringBuilder("%4d ".formatted(query))
              .append(TokenText.column(opened, cache.tokens()[query], TOKEN));
      for (int j = first; j < Math.min(end, query + 1); j++) {
        float weight = pattern.at(h, i, j);
        line.append(Heat.cell(String.format("%4.0f", 100 * weight), weight));
      }
      System.out.println(line);
    }
  }
}
