package dev.vidrio.cli.lens;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.option.JsonHelp;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Lens;
import dev.vidrio.model.Model;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code vidrio lens hooks}. */
@Command(
    name = "hooks",
    description = {
      "Lists the hook points of a model, in the order of a forward pass.",
      "'*' matches any characters. A block may count from the end or be a range:"
          + " blocks.-1.attn.hook_z, blocks.0-3.*."
    })
@JsonHelp("Print a JSON array.")
final class HooksCommand extends ModelCommand<List<String>> {

  @Parameters(
      arity = "0..1",
      paramLabel = "NAMES",
      description = "Only these hook points, separated by commas.")
  private String names = "*,*hook_result";

  @Override
  protected List<String> run(Model opened) {
    return Lens.ofActivations(opened).points(names).stream().map(HookPoint::name).toList();
  }

  @Override
  protected void print(List<String> points) {
    points.forEach(System.out::println);
    Hint.print("'vidrio lens cache --hooks NAMES -p TEXT' reads them.");
  }

  @Override
  protected Object toJson(List<String> points) {
    return points;
  }
}
