package dev.vidrio.cli.lens.intervene;

import dev.vidrio.cli.io.HeatMap;
import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.option.HalfWidths;
import dev.vidrio.cli.lens.option.HeadName;
import dev.vidrio.cli.lens.option.PairsCommand;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.intervene.PathPatching;
import dev.vidrio.lens.intervene.PathPatching.Head;
import dev.vidrio.lens.intervene.PathPatching.Sender;
import dev.vidrio.lens.page.View;
import dev.vidrio.lens.page.Views;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code vidrio lens path}. */
@Command(
    name = "path",
    description = {
      "Path patching: finds the heads or feed-forward blocks that carry what two texts differ in"
          + " by their direct effect on the logits, or on heads.",
      "Each one's output in the clean run is replaced by that of the corrupted run, while all later"
          + " heads keep their clean outputs. The table shows how much of the logit"
          + " difference of the two answers, or of another --metric, remains, from 100 (clean text)"
          + " to 0 (corrupted text)."
    })
public final class PathCommand extends PairsCommand<PathPatching> {
  /** Q, K and V inputs by their usual names. */
  private enum Input {
    Q(HookSite.Q),
    K(HookSite.K),
    V(HookSite.V);

    private final HookSite site;

    Input(HookSite site) {
      this.site = site;
    }
  }

  @Option(
      names = "--from",
      paramLabel = "SENDER",
      defaultValue = "head",
      description = "Patch the outputs of these components: ${COMPLETION-CANDIDATES}.")
  private Sender sender = Sender.HEAD;

  @Option(
      names = "--to",
      paramLabel = "L9.H1",
      description =
          "A head that receives the patched outputs at its --input; may be repeated. Default: the"
              + " logits.")
  private List<String> receivers = List.of();

  @Option(
      names = "--input",
      paramLabel = "INPUT",
      defaultValue = "q",
      description =
          "The input of the heads of --to: ${COMPLETION-CANDIDATES}. For k and v, H counts"
              + " key-value heads.")
  private Input input = Input.Q;

  @Option(
      names = "--top",
      paramLabel = "K",
      description = "Layers to print, those with the largest changes; JSON has all.")
  private int top = 40;

  @Override
  protected PathPatching run(Lens lens, List<TextPair> pairs) {
    List<Head> heads =
        receivers.stream().map(HeadName::parse).map(h -> new Head(h.layer(), h.head())).toList();
    return heads.isEmpty()
        ? PathPatching.toLogits(lens, pairs, sender)
        : PathPatching.toHeads(lens, pairs, sender, input.site, heads);
  }

  private String receiver() {
    return receivers.isEmpty()
        ? "the logits"
        : input.name().toLowerCase(Locale.ROOT) + " of " + String.join(", ", receivers);
  }

  @Override
  protected void print(PathPatching patching) {
    System.out.println(runs(patching.clean(), patching.corrupted()) + "; paths to " + receiver());
    List<List<Double>> scores = patching.scores();
    int[] shown = HeatMap.strongest(scores, 1, top);
    System.out.printf(
        "remaining %s by layer%s, in %% (100 clean, 0 corrupted)%n",
        metric().kind().label(), sender == Sender.HEAD ? " and head" : "");
    HeatMap.print(
        IntStream.of(shown).mapToObj(l -> "L" + l).toList(),
        columns(scores),
        IntStream.of(shown).mapToObj(scores::get).toList());
    HalfWidths.print(patching.halfWidths());
    Hint.print("'vidrio lens circuit' finds the whole circuit.");
  }

  private List<String> columns(List<List<Double>> scores) {
    int heads = scores.stream().mapToInt(List::size).max().orElse(0);
    return sender == Sender.MLP
        ? List.of("mlp")
        : IntStream.range(0, heads).mapToObj(h -> "H" + h).toList();
  }

  @Override
  protected void fill(JsonObject object, PathPatching patching) {
    object.with("pairs", judged().size());
    object.with("from", sender.name().toLowerCase(Locale.ROOT)).with("to", receivers);
    if (!receivers.isEmpty()) {
      object.put("input", input.name().toLowerCase(Locale.ROOT));
    }
    fillRuns(object, patching.clean(), patching.corrupted());
    object.put("scores", patching.scores());
    if (judged().size() > 1) {
      object.put("half_widths", HalfWidths.jsonTable(patching.halfWidths()));
    }
  }

  @Override
  protected List<? extends View> views(PathPatching patching) {
    return List.of(Views.paths(patching, sender, receiver(), label()));
  }
}
