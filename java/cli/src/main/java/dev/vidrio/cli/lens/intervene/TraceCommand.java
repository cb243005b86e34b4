package dev.vidrio.cli.lens.intervene;

import dev.vidrio.cli.io.HeatMap;
import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.option.TextCommand;
import dev.vidrio.cli.lens.option.TextSpan;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.intervene.CausalTracing;
import dev.vidrio.lens.intervene.CausalTracing.Site;
import dev.vidrio.lens.page.View;
import dev.vidrio.lens.page.Views;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code vidrio lens trace}. */
@Command(
    name = "trace",
    description = {
      "Causal tracing: finds the layers and positions that carry a fact.",
      "Noise on the subject's embeddings makes the answer unlikely. The table shows the probability"
          + " of the answer, in percent, after one activation is restored to its value without"
          + " noise."
    })
public final class TraceCommand extends TextCommand<TraceCommand.Found> {

  @Option(
      names = "--subject",
      paramLabel = "TEXT",
      required = true,
      description = "The part of the text whose embeddings get noise.")
  private String subject = "";

  @Option(
      names = "--answer",
      paramLabel = "TOKEN",
      required = true,
      description = "The next token, as text or #N.")
  private String answer = "";

  @Option(
      names = "--site",
      paramLabel = "SITE",
      defaultValue = "resid_post",
      description = "The activation to restore: ${COMPLETION-CANDIDATES}.")
  private Site site = Site.RESID_POST;

  @Option(
      names = "--window",
      paramLabel = "N",
      description =
          "Number of adjacent layers to restore together; use more for attn_out and mlp_out of a"
              + " large model.")
  private int window = 1;

  @Option(
      names = "--noise",
      paramLabel = "X",
      defaultValue = "3",
      description = "Standard deviation of the noise, relative to that of the text's embeddings.")
  private double noise = 3;

  @Option(names = "--runs", paramLabel = "N", description = "Runs with different noise to average.")
  private int runs = 10;

  @Option(names = "--seed", paramLabel = "N", description = "Seed of the noise.")
  private long seed;

  /**
   * The probabilities of the answer.
   *
   * @param hidden the span of the subject
   */
  record Found(TextSpan hidden, int answer, CausalTracing tracing) {}

  @Override
  protected Found run(Lens lens, int[] tokens) {
    TextSpan hidden = TextSpan.of(lens.model(), tokens, "subject", subject);
    int token = TokenText.parse(lens.model(), "answer", answer);
    var options = new CausalTracing.Options(noise, runs, window, seed);
    return new Found(
        hidden,
        token,
        CausalTracing.of(lens, tokens, hidden.from(), hidden.to(), token, site, options));
  }

  @Override
  protected void print(Found found) {
    System.out.printf(
        "probability of %s: clean %.3f, with noise %.3f%n",
        TokenText.of(model(), found.answer), found.tracing.clean(), found.tracing.corrupted());
    System.out.println(" pos token");
    for (int p = 0; p < tokens().length; p++) {
      String mark = p >= found.hidden.from() && p < found.hidden.to() ? " with noise" : "";
      System.out.printf("%4d %s%s%n", p, TokenText.of(model(), tokens()[p]), mark);
    }
    System.out.println("probability after restoring a layer (row) at a position (column), in %");
    HeatMap.print(
        IntStream.range(0, found.tracing.restored().size()).mapToObj(l -> "L" + l).toList(),
        IntStream.range(0, tokens().length).mapToObj(Integer::toString).toList(),
        found.tracing.restored());
    Hint.print("'vidrio lens patch' compares two texts without noise.");
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    object.put("tokens", tokens());
    object.put("subject_from", found.hidden.from());
    object.put("subject_to", found.hidden.to());
    object.put("answer", found.answer);
    object.put("site", site.name().toLowerCase(Locale.ROOT));
    object.put("window", window);
    object.put("noise", noise);
    object.put("runs", runs);
    object.put("clean_probability", found.tracing.clean());
    object.put("corrupted_probability", found.tracing.corrupted());
    object.put("restored", found.tracing.restored());
  }

  @Override
  protected List<? extends View> views(Found found) {
    return List.of(Views.tracing(model(), tokens(), found.tracing, found.answer));
  }
}
