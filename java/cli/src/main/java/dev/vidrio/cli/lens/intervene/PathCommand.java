package dev.vidrio.cli.lens.intervene;

import dev.vidrio.cli.io.HeatMap;
import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.Terminal;
import dev.vidrio.cli.lens.option.HeadName;
import dev.vidrio.cli.lens.option.PageOption;
import dev.vidrio.cli.lens.option.TextPairsOption;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.TextPair;
import dev.vidrio.lens.intervene.PathPatching;
import dev.vidrio.lens.intervene.PathPatching.Head;
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

/** {@code vidrio lens path}. */
@Command(
    name = "path",
    description = {
      "Path patching: finds the heads whose direct effect on the logits, or on other heads,"
          + " carries what two texts differ in.",
      "Each head's output in the clean run is replaced by that of the corrupted run, while all"
          + " other heads keep their clean outputs. The table shows the logit difference of the two"
          + " answers that remains, from 100 (clean text) to 0 (corrupted text)."
    })
public final class PathCommand implements Callable<Integer> {
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

  @Mixin private ModelOption model = new ModelOption();
  @Mixin private TextPairsOption texts = new TextPairsOption();
  @Mixin private PageOption page = new PageOption();

  @Option(
      names = "--to",
      paramLabel = "L9.H1",
      description =
          "A head whose --input receives the patched outputs; may be repeated. Default: the"
              + " logits.")
  private List<String> receivers = List.of();

  @Option(
      names = "--input",
      paramLabel = "INPUT",
      defaultValue = "q",
      description =
          "The input of the heads of --to: ${COMPLETION-CANDIDATES}. For k and v, H counts"
              + " key-value heads. Default: ${DEFAULT-VALUE}.")
  private Input input = Input.Q;

  @Option(
      names = "--top",
      paramLabel = "K",
      description =
          "Layers to print, those with the largest changes; JSON has all. Default:"
              + " ${DEFAULT-VALUE}.")
  private int top = 40;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    page.check();
    List<Head> heads =
        receivers.stream().map(HeadName::parse).map(h -> new Head(h.layer(), h.head())).toList();
    try (Model opened = model.open()) {
      List<TextPair> pairs = TextPairsOption.pairs(texts.all(opened));
      Lens lens = Lens.of(opened);
      PathPatching patching =
          heads.isEmpty()
              ? PathPatching.toLogits(lens, pairs)
              : PathPatching.toHeads(lens, pairs, input.site, heads);
      if (page.isWanted()) {
        int[] tokens = TextPairsOption.tokens(pairs);
        page.write(opened, "vidrio lens path", tokens, List.of(Views.paths(patching, receiver())));
      } else if (json) {
        Json.print(contents(opened, patching, pairs.size()));
      } else {
        print(patching, pairs.size());
      }
    }
    return 0;
  }

  private String receiver() {
    return receivers.isEmpty()
        ? "the logits"
        : input.name().toLowerCase(Locale.ROOT) + " of " + String.join(", ", receivers);
  }

  private void print(PathPatching patching, int pairs) {
    System.out.printf(
        "%s: clean %.3f, corrupted %.3f; paths to %s%n",
        TextPairsOption.difference(pairs), patching.clean(), patching.corrupted(), receiver());
    List<List<Double>> scores = patching.scores();
    int[] shown = HeatMap.strongest(scores, 1, top);
    int heads = scores.stream().mapToInt(List::size).max().orElse(0);
    System.out.println(
        "remaining logit difference by layer and head, in % (100 clean, 0 corrupted)");
    new HeatMap(Terminal.OUT.isTerminal())
        .lines(
            IntStream.of(shown).mapToObj(l -> "L" + l).toList(),
            IntStream.range(0, heads).mapToObj(h -> "H" + h).toList(),
            IntStream.of(shown).mapToObj(scores::get).toList())
        .forEach(System.out::println);
    Hint.print("'vidrio lens circuit' finds the whole circuit.");
  }

  private Map<String, Object> contents(Model opened, PathPatching patching, int pairs) {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", opened.name());
    result.put("pairs", pairs);
    result.put("to", receivers);
    if (!receivers.isEmpty()) {
      result.put("input", input.name().toLowerCase(Locale.ROOT));
    }
    result.put("clean_logit_difference", patching.clean());
    result.put("corrupted_logit_difference", patching.corrupted());
    result.put("scores", patching.scores());
    return result;
  }
}
