package dev.vidrio.cli.lens.inspect;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.option.PositionsOption;
import dev.vidrio.cli.lens.option.TextCommand;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.inspect.LogitSpectroscopy;
import dev.vidrio.lens.inspect.LogitSpectrum;
import dev.vidrio.lens.page.View;
import dev.vidrio.lens.page.Views;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens spectrum}. */
@Command(
    name = "spectrum",
    description = {
      "Logit spectroscopy: the portion of the residual stream in each band of singular vectors of"
          + " the unembedding, from the most to the least visible in logits.",
      "One line per layer, in percent of the squared norm: the mean over the tokens but the first,"
          + " and the last band, the dark subspace, at the first token, the usual attention sink."
    })
public final class SpectrumCommand extends TextCommand<SpectrumCommand.Found> {
  @Mixin private PositionsOption positions = new PositionsOption();

  @Option(
      names = "--hooks",
      paramLabel = "NAMES",
      description = "The residual streams, or what is added to them, such as '*.hook_mlp_out'.")
  private String hooks = "*.hook_resid_post";

  @Option(
      names = "--bands",
      paramLabel = "N",
      description = "Bands, each of as many singular vectors.")
  private int bands = 8;

  /** The spectrum and the shares. */
  record Found(LogitSpectrum spectrum, LogitSpectroscopy shares) {
    /** Returns the root mean square of a band's singular values. */
    double value(int band) {
      int begin = spectrum.begin(band, shares.bands());
      int end = spectrum.begin(band + 1, shares.bands());
      double squares =
          IntStream.range(begin, end)
              .mapToDouble(i -> spectrum.value(i) * spectrum.value(i))
              .average()
              .orElse(0);
      return Math.sqrt(squares);
    }
  }

  @Override
  protected Found run(Lens lens, int[] tokens) {
    Capture capture = positions.of(Capture.of(hooks), tokens.length);
    LogitSpectrum spectrum = LogitSpectrum.of(lens.model());
    return new Found(spectrum, LogitSpectroscopy.of(lens, spectrum, tokens, capture, bands));
  }

  @Override
  protected void print(Found found) {
    LogitSpectroscopy shares = found.shares;
    boolean first = shares.from() == 0;
    System.out.printf(
        "%% of the squared norm in %d bands of %s singular vectors of W_U%n",
        bands, size(found.spectrum));
    var head = new StringBuilder("%-25s".formatted("band"));
    var values = new StringBuilder("%-25s".formatted("singular value"));
    for (int band = 0; band < bands; band++) {
      head.append("%6d".formatted(band));
      values.append("%6.1f".formatted(found.value(band)));
    }
    System.out.println(head + (first ? "  first token's last" : ""));
    System.out.println(values);
    for (int row = 0; row < shares.points().size(); row++) {
      var line = new StringBuilder("%-25s".formatted(shares.points().get(row).name()));
      for (int band = 0; band < bands; band++) {
        line.append("%6.1f".formatted(100 * shares.mean(row, band)));
      }
      if (first) {
        line.append("%20.1f".formatted(100 * shares.shares().get(row).getFirst().getLast()));
      }
      System.out.println(line);
    }
    Hint.print("-o FILE.html shows the dark subspace of each token.");
  }

  private String size(LogitSpectrum spectrum) {
    int least = spectrum.size() / bands;
    return spectrum.size() % bands == 0 ? Integer.toString(least) : least + " or " + (least + 1);
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    var rows = new JsonObject();
    for (int row = 0; row < found.shares.points().size(); row++) {
      rows.put(found.shares.points().get(row).name(), found.shares.shares().get(row));
    }
    double[] values = IntStream.range(0, bands).mapToDouble(found::value).toArray();
    object
        .with("tokens", tokens())
        .with("from", found.shares.from())
        .with("singular_values", Arrays.stream(values).boxed().toList())
        .with("hooks", rows);
  }

  @Override
  protected List<? extends View> views(Found found) {
    LogitSpectroscopy shares = found.shares;
    int count = shares.shares().getFirst().size();
    List<Integer> seen =
        Arrays.stream(tokens(), shares.from(), shares.from() + count).boxed().toList();
    return List.of(Views.spectroscopy(model(), seen, shares));
  }
}
