package dev.vidrio.cli.lens;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Lens;
import dev.vidrio.model.Model;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code vidrio lens hooks}. */
@Command(
    name = "hooks",
    description = {
      "Lists the hook points of a model, in the order of a forward pass.",
      "'*' matches any characters. A block may count from the end or be a range:"
          + " blocks.-1.attn.hook_z, blocks.0-3.*."
    })
final class HooksCommand implements Callable<Integer> {
  @Mixin private ModelOption model = new ModelOption();

  @Parameters(
      arity = "0..1",
      paramLabel = "NAMES",
      description = "Only these hook points, separated by commas.")
  private String names = "*,*hook_result";

  @Option(names = "--json", description = "Print a JSON array.")
  private boolean json;

  @Override
  public Integer call() {
    try (Model opened = model.open()) {
      List<String> found = Lens.of(opened).points(names).stream().map(HookPoint::name).toList();
      if (json) {
        Json.print(found);
      } else {
        found.forEach(System.out::println);
        Hint.print("'vidrio lens cache --hooks NAMES -p TEXT' reads them.");
      }
    }
    return 0;
  }
}
