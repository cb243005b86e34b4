package dev.vidrio.cli.lens.attribute;

import dev.vidrio.cli.io.Heat;
import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.option.EditOption;
import dev.vidrio.cli.lens.option.PositionOption;
import dev.vidrio.cli.lens.option.TextCommand;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.cli.option.JsonHelp;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.attribute.AttentionFlow;
import dev.vidrio.lens.attribute.ContextMixing;
import dev.vidrio.lens.attribute.ContextMixing.Measure;
import dev.vidrio.lens.page.View;
import dev.vidrio.lens.page.Views;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens mixing}. */
@Command(
    name = "mixing",
    description = {
      "Shows how much of a token's state comes from each token of the text.",
      "One line per token: its share in the middle and the last layer, rolled out through all"
          + " earlier layers, or by maximum flow with --flow. The shares of a layer add up to 1."
    })
@JsonHelp("Print JSON with all layers.")
public final class MixingCommand extends TextCommand<MixingCommand.Found> {
  private static final int TOKEN = 16;

  @Mixin private PositionOption position = new PositionOption();
  @Mixin private EditOption edits = new EditOption();

  @Option(
      names = "--by",
      paramLabel = "MEASURE",
      defaultValue = "alti",
      description = "attention (rollout), norm (of value-weighted vectors), alti or value_zeroing.")
  private Measure measure = Measure.ALTI;

  @Option(
      names = "--flow",
      description =
          "Combine layers by the maximum flow from the token to each input token (attention flow),"
              + " not by their product.")
  private boolean flow;

  /**
   * The shares of the tokens.
   *
   * @param at the position of the token; its state is divided
   */
  record Found(ContextMixing mixing, int at) {}

  @Override
  protected Found run(Lens lens, int[] tokens) {
    int at = position.of(tokens);
    return new Found(ContextMixing.of(edits.apply(lens, tokens), tokens, measure), at);
  }

  /** Returns the shares of the input tokens after a layer. */
  private double[] combined(Found found, int layer) {
    return flow
        ? AttentionFlow.shares(found.mixing, layer, found.at)
        : shares(j -> found.mixing.rolledOut(layer, found.at, j), found.at);
  }

  @Override
  protected void print(Found found) {
    int last = found.mixing.layers() - 1;
    int middle = last / 2;
    System.out.printf(
        "share of each token in the state at position %d, %s%s (0 to 1)%n",
        found.at, TokenText.of(model(), tokens()[found.at]), flow ? ", by maximum flow" : "");
    double[] early = combined(found, middle);
    double[] late = combined(found, last);
    System.out.printf("%-21s %9s %9s%n", " pos token", "layer " + middle, "layer " + last);
    for (int j = 0; j <= found.at; j++) {
      System.out.printf(
          "%4d %s %s %s%n",
          j, TokenText.column(model(), tokens()[j], TOKEN), cell(early[j]), cell(late[j]));
    }
    Hint.print("'vidrio lens attribute' attributes a logit to the tokens.");
  }

  private static String cell(double share) {
    return Heat.cell(String.format("%9.3f", share), share);
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    object.with("tokens", tokens()).with("position", found.at);
    object.put(
        "layers",
        IntStream.range(0, found.mixing.layers())
            .mapToObj(
                l ->
                    new JsonObject()
                        .with("shares", shares(j -> found.mixing.share(l, found.at, j), found.at))
                        .with(flow ? "flow" : "rolled_out", combined(found, l)))
            .toList());
  }

  private static double[] shares(IntToDoubleFunction share, int at) {
    return IntStream.rangeClosed(0, at).mapToDouble(share).toArray();
  }

  @Override
  protected List<? extends View> views(Found found) {
    double[][] shares =
        IntStream.range(0, found.mixing.layers())
            .mapToObj(l -> combined(found, l))
            .toArray(double[][]::new);
    return Views.mixing(model(), tokens(), shares, found.at);
  }
}
