package dev.vidrio.cli.lens.decode;

import dev.vidrio.cli.io.Escapes;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.lens.option.LayerNumber;
import dev.vidrio.cli.lens.option.PositionOption;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.Patchscope;
import dev.vidrio.model.Model;
import dev.vidrio.tokenizer.EncodeOptions;
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

/** {@code vidrio lens scope}. */
@Command(
    name = "scope",
    description = {
      "Patchscopes: decodes a token's representation by inserting it into another text.",
      "One line per layer: the residual stream at the token replaces that at the last token of"
          + " the target text, which the model continues greedily."
    })
public final class ScopeCommand implements Callable<Integer> {
  @Mixin private ModelOption model = new ModelOption();
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
      description = "Tokens to generate. Default: ${DEFAULT-VALUE}.")
  private int count = 8;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  @Override
  public Integer call() {
    try (Model opened = model.open()) {
      int[] source = input.requiredIds(opened);
      int at = position.of(source);
      int[] other = opened.tokenizer().encode(target, EncodeOptions.DEFAULT);
      Lens lens = Lens.of(opened);
      List<HookPoint> points = points(opened);
      List<List<Integer>> said = new ArrayList<>();
      for (HookPoint point : points) {
        HookPoint into = targetLayer == null ? point : after(opened, targetLayer);
        said.add(
            Patchscope.of(lens, source, at, point)
                .read(lens, other, other.length - 1, into, count));
      }
      if (json) {
        Json.print(contents(opened, source, at, points, said));
      } else {
        print(opened, points, said);
      }
    }
    return 0;
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

  private static void print(Model opened, List<HookPoint> points, List<List<Integer>> said) {
    System.out.println("layer     continuation of the target text");
    for (int row = 0; row < points.size(); row++) {
      System.out.printf(
          "layer %-3d %s%n", points.get(row).layer(), Escapes.quote(text(opened, said.get(row))));
    }
  }

  private static String text(Model opened, List<Integer> ids) {
    return opened.tokenizer().decode(ids.stream().mapToInt(Integer::intValue).toArray());
  }

  private Map<String, Object> contents(
      Model opened, int[] source, int at, List<HookPoint> points, List<List<Integer>> said) {
    List<Map<String, Object>> rows = new ArrayList<>();
    for (int row = 0; row < points.size(); row++) {
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("hook", points.get(row).name());
      entry.put("ids", said.get(row));
      entry.put("text", text(opened, said.get(row)));
      rows.add(entry);
    }
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", opened.name());
    result.put("tokens", source);
    result.put("position", at);
    result.put("target", target);
    result.put("layers", rows);
    return result;
  }
}
