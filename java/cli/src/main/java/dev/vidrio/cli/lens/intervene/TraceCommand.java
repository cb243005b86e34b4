package dev.vidrio.cli.lens.intervene;

import dev.vidrio.cli.io.HeatMap;
import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.Terminal;
import dev.vidrio.cli.lens.option.PageOption;
import dev.vidrio.cli.lens.option.TextSpan;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.intervene.CausalTracing;
import dev.vidrio.lens.intervene.CausalTracing.Site;
import dev.vidrio.lens.page.Views;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens trace}. */
@Command(
    name = "trace",
    description = {
      "Causal tracing: finds the layers and positions that carry a fact.",
      "Noise on the subject's embeddings makes the answer unlikely. The table shows the"
          + " probability of the answer, in percent, after one activation is restored to its"
          + " value without noise."
    })
public final class TraceCommand implements Callable<Integer> {
  @Mixin private ModelOption model = new ModelOption();
  @Mixin private TextInput input = new TextInput();
  @Mixin private PageOption page = new PageOption();

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
      description =
          "The activation to restore: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
  private Site site = Site.RESID_POST;

  @Option(
      names = "--window",
      paramLabel = "N",
      description =
          "Number of adjacent layers to restore together; use more for attn_out and mlp_out of a"
              + " large model. Default: ${DEFAULT-VALUE}.")
  private int window = 1;

  @Option(
      names = "--noise",
      paramLabel = "X",
      defaultValue = "3",
      description =
          "Standard deviation of the noise, relative to that of the text's embeddings. Default:"
              + " ${DEFAULT-VALUE}.")
  private double noise = 3;

  @Option(
      names = "--runs",
      paramLabel = "N",
      description = "Runs with different noise to average. Default: ${DEFAULT-VALUE}.")
  private int runs = 10;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Seed of the noise. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    page.check();
    var options = new CausalTracing.Options(noise, runs, window, seed);
    try (Model opened = model.open()) {
      int[] tokens = input.requiredIds(opened);
      TextSpan hidden = TextSpan.of(opened, tokens, "subject", subject);
      int token = TokenText.parse(opened, "answer", answer);
      CausalTracing tracing =
          CausalTracing.of(
              Lens.of(opened), tokens, hidden.from(), hidden.to(), token, site, options);
      if (page.isWanted()) {
        page.write(
            opened,
            "vidrio lens trace",
            tokens,
            List.of(Views.tracing(opened, tokens, tracing, token)));
      } else if (json) {
        Json.print(contents(opened, tokens, hidden, token, tracing));
      } else {
        print(opened, tokens, hidden, token, tracing);
      }
    }
    return 0;
  }

  private static void print(
      Model opened, int[] tokens, TextSpan hidden, int token, CausalTracing tracing) {
    System.out.printf(
        "probability of %s: clean %.3f, with noise %.3f%n",
        TokenText.of(opened, token), tracing.clean(), tracing.corrupted());
    System.out.println(" pos token");
    for (int p = 0; p < tokens.length; p++) {
      String mark = p >= hidden.from() && p < hidden.to() ? " with noise" : "";
      System.out.println("%4d %s%s".formatted(p, TokenText.of(opened, tokens[p]), mark));
    }
    System.out.println("probability after restoring a layer (row) at a position (column), in %");
    new HeatMap(Terminal.OUT.isTerminal())
        .lines(
            IntStream.range(0, tracing.restored().size()).mapToObj(l -> "L" + l).toList(),
            IntStream.range(0, tokens.length).mapToObj(Integer::toString).toList(),
            tracing.restored())
        .forEach(System.out::println);
    Hint.print("'vidrio lens patch' compares two texts without noise.");
  }

  private Map<String, Object> contents(
      Model opened, int[] tokens, TextSpan hidden, int token, CausalTracing tracing) {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", opened.name());
    result.put("tokens", tokens);
    result.put("subject_from", hidden.from());
    result.put("subject_to", hidden.to());
    result.put("answer", token);
    result.put("site", site.name().toLowerCase(Locale.ROOT));
    result.put("window", window);
    result.put("noise", noise);
    result.put("runs", runs);
    result.put("clean_probability", tracing.clean());
    result.put("corrupted_probability", tracing.corrupted());
    result.put("restored", tracing.restored());
    return result;
  }
}
