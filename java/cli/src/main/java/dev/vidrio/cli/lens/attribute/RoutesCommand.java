package dev.vidrio.cli.lens.attribute;

import dev.vidrio.cli.io.Heat;
import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.option.PositionOption;
import dev.vidrio.cli.lens.option.TextCommand;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.cli.option.JsonHelp;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.attribute.FlowRoutes;
import dev.vidrio.lens.attribute.FlowRoutes.Block;
import dev.vidrio.lens.attribute.FlowRoutes.Edge;
import dev.vidrio.lens.page.View;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens routes}. */
@Command(
    name = "routes",
    description = {
      "Information flow routes."
    })
@JsonHelp("Print JSON with all edges.")
public final class RoutesCommand extends TextCommand<FlowRoutes> {
  @Mixin private PositionOption position = new PositionOption();

  @Option(
      names = "--threshold",
      paramLabel = "T",
      description = "Follow edges with a share above T, 0 to 1.")
  private double threshold = FlowRoutes.THRESHOLD;

  @Override
  protected FlowRoutes run(Lens lens, int[] tokens) {
    int at = position.of(tokens);
    long t = System.nanoTime();
    var r = FlowRoutes.of(lens, tokens, at, threshold);
    System.err.println((System.nanoTime() - t) / 1e9);
    return r;
  }

  @Override
  protected void print(FlowRoutes routes) {
    System.out.println(routes.edges().size() + " " + routes.sources());
    for (Edge edge : routes.edges()) if (edge.block() != Block.RESIDUAL) {
      System.out.printf("%.3f %s %d %d%n", edge.share(), edge.name(), edge.from(), edge.to());
    }
  }

  @Override
  protected void fill(JsonObject object, FlowRoutes routes) {
  }

  @Override
  protected List<? extends View> views(FlowRoutes routes) {
    return List.of();
  }
}
