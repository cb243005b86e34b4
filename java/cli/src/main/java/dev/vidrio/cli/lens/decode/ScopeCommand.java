package dev.vidrio.cli.lens.decode;

import dev.vidrio.cli.io.Escapes;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.LayerNumber;
import dev.vidrio.cli.lens.option.LensCompletion;
import dev.vidrio.cli.lens.option.PositionOption;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.Patchscope;
import dev.vidrio.model.Model;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens scope}. */
@Command(
    name = "scope",
    description = {
      "Patchscopes: decodes a token's representation by inserting it into another text.",
      "One line per layer: the residual stream at the token replaces that at the last token of the"
          + " target text, which the model continues greedily."
    })
public final class ScopeCommand extends ModelCommand<ScopeCommand.Found> {
  @Mixin private TextInput input = new TextInput();
  @Mixin private PositionOption position = new PositionOption();

  @Option(
      names = "--layer",
      paramLabel = "L",
      description = "The layer to read; -1 is the last. Default: all.")
  private @Nullable Integer layer;

  @Option(
      names = "--target",
      paramLabel = "TEXT",
      description = "The target text. Default: ${DEFAULT-VALUE}")
  private String target = Patchscope.IDENTITY;

  @Option(
      names = "--target-layer",
      paramLabel = "L",
      description = "The layer to insert at; -1 is the last. Default: the layer read.")
  private @Nullable Integer targetLayer;

  @Option(
      names = {"-n", "--tokens"},
      paramLabel = "N",
      description = "Tokens to generate.")
  private int count = 8;

  private int[] tokens = new int[0];

  /** The continuation of the target text with the representation of a hook point. */
  private record Row(HookPoint point, List<Integer> ids, String text) {}

  /** The continuations for a position of the text. */
  record Found(int at, List<Row> rows) {}

  @Override
  protected void check() {
    UsageException.requireAtLeast("-n", count, 1);
  }

  @Override
  protected Found run(Model opened) {
    tokens = input.requiredIds(opened);
    int at = position.of(tokens);
    int[] other = opened.tokenizer().encode(target);
    Lens lens = Lens.of(opened);
    List<Row> rows = new ArrayList<>();
    for (HookPoint point : points(opened)) {
      HookPoint into = targetLayer == null ? point : after(opened, targetLayer);
      List<Integer> ids =
          Patchscope.of(lens, tokens, at, point).read(lens, other, other.length - 1, into, count);
      rows.add(new Row(point, ids, LensCompletion.decode(opened, ids)));
    }
    return new Found(at, rows);
  }

  private List<HookPoint> points(Model opened) {
    if (layer != null) {
      return List.of(after(opened, layer));
    }
    return IntStream.range(0, opened.architecture().layers())
        .mapToObj(l -> new HookPoint(HookSite.RESID_POST, l))
        .toList();
  }

  private static HookPoint after(Model opened, int layer) {
    return new HookPoint(HookSite.RESID_POST, LayerNumber.of(opened, layer));
  }

  @Override
  protected void print(Found found) {
    System.out.println("layer     continuation of the target text");
    for (Row row : found.rows) {
      System.out.printf("layer %-3d %s%n", row.point.layer(), Escapes.quote(row.text));
    }
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    object.with("tokens", tokens).with("position", found.at).with("target", target);
    object.put("layers", found.rows.stream().map(ScopeCommand::toJson).toList());
  }

  private static JsonObject toJson(Row row) {
    return new JsonObject()
        .with("hook", row.point.name())
        .with("ids", row.ids)
        .with("text", row.text);
  }
}
