package dev.vidrio.cli.lens.inspect;

import dev.vidrio.cli.io.Heat;
import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.detect.HeadJson;
import dev.vidrio.cli.lens.option.EditOption;
import dev.vidrio.cli.lens.option.LayerNumber;
import dev.vidrio.cli.lens.option.PositionsOption;
import dev.vidrio.cli.lens.option.TextCommand;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.detect.HeadScores;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.page.AttentionView;
import dev.vidrio.lens.page.View;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens attention}. */
@Command(
    name = "attention",
    description = {
      "Shows where attention heads attend in a text.",
      "One line per head: the entropy of its pattern in bits, and its mean weight on the token"
          + " itself, the previous one, the first, earlier occurrences of the same token, and"
          + " tokens that followed those. --layer with --head prints the pattern in percent."
    })
public final class AttentionCommand extends TextCommand<ActivationCache> {
  private static final int TOKEN = 12;

  /** The number of keys that fit a line of 80 characters; the others follow in more blocks. */
  private static final int KEYS = 15;

  @Mixin private PositionsOption positions = new PositionsOption();
  @Mixin private EditOption edits = new EditOption();

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

  @Override
  protected void check() {
    super.check();
    if (head != null && layer == null) {
      throw new InvalidInputException("head", head.toString(), "needs a --layer");
    }
  }

  @Override
  protected ActivationCache run(Lens lens, int[] tokens) {
    Object blocks = layer == null ? "*" : LayerNumber.of(lens.model(), layer);
    Capture capture = Capture.of("blocks." + blocks + ".attn.hook_pattern");
    return lens.run(tokens, positions.of(capture, tokens.length), edits.of(lens, tokens));
  }

  @Override
  protected void close(ActivationCache cache) {
    cache.close();
  }

  @Override
  protected void print(ActivationCache cache) {
    if (head != null) {
      print(cache, head);
      return;
    }
    System.out.println(
        "entropy in bits; mean attention weights (0 to 1) by kind of attended token");
    System.out.println("head     entropy current previous  first duplicate induction");
    for (HeadScores scores : HeadScores.of(cache)) {
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

  /** Returns the pattern of the only layer, after checking the number of a head. */
  private static Activation pattern(ActivationCache cache, int h) {
    Activation pattern = cache.get(cache.points().getFirst());
    int heads = pattern.shape().getFirst();
    if (h < 0 || h >= heads) {
      throw new InvalidInputException(
          "head", Integer.toString(h), "a layer has " + heads + " heads, counted from 0");
    }
    return pattern;
  }

  private void print(ActivationCache cache, int h) {
    Activation pattern = pattern(cache, h);
    int keys = pattern.shape().get(2);
    System.out.println("attention weight from query (row) to key (column), in %");
    for (int first = 0; first < keys; first += KEYS) {
      print(cache, pattern, h, first, Math.min(first + KEYS, keys));
    }
  }

  /** Prints a range of keys, and the queries that attend to any of them. */
  private void print(ActivationCache cache, Activation pattern, int h, int first, int end) {
    var title = new StringBuilder(" ".repeat(TOKEN + 5));
    for (int j = first; j < end; j++) {
      title.append("%4d".formatted(j));
    }
    System.out.println(title);
    for (int i = Math.max(0, first - cache.from()); i < cache.rows(); i++) {
      int query = cache.from() + i;
      var line =
          new StringBuilder("%4d ".formatted(query))
              .append(TokenText.column(model(), tokens()[query], TOKEN));
      for (int j = first; j < Math.min(end, query + 1); j++) {
        float weight = pattern.at(h, i, j);
        line.append(Heat.cell("%4.0f".formatted(100 * weight), weight));
      }
      System.out.println(line);
    }
  }

  @Override
  protected void fill(JsonObject object, ActivationCache cache) {
    object.with("tokens", tokens()).with("from", cache.from());
    if (head == null) {
      object.put("heads", HeadScores.of(cache).stream().map(HeadJson::contents).toList());
      return;
    }
    Activation pattern = pattern(cache, head);
    int keys = pattern.shape().get(2);
    float[] all = pattern.row(head);
    object.put("hook", cache.points().getFirst().name());
    object.put("head", head);
    object.put(
        "pattern",
        IntStream.range(0, cache.rows())
            .mapToObj(i -> Arrays.copyOfRange(all, i * keys, (i + 1) * keys))
            .toList());
  }

  @Override
  protected List<? extends View> views(ActivationCache cache) {
    return List.of(AttentionView.of(model(), cache));
  }
}
