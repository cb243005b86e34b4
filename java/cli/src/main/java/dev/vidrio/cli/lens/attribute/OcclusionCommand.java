package dev.vidrio.cli.lens.attribute;

import dev.vidrio.cli.io.Escapes;
import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.TextBar;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.PositionOption;
import dev.vidrio.cli.lens.option.SpansOption;
import dev.vidrio.cli.lens.option.TargetOption;
import dev.vidrio.cli.lens.option.TargetOption.Target;
import dev.vidrio.cli.lens.option.TextCommand;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.attribute.Occlusion;
import dev.vidrio.lens.attribute.Occlusion.By;
import dev.vidrio.lens.attribute.Removal;
import dev.vidrio.lens.attribute.TokenSpan;
import dev.vidrio.lens.page.TokenValues;
import dev.vidrio.lens.page.View;
import dev.vidrio.model.Model;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens occlusion}. */
@Command(
    name = "occlusion",
    description = {
      "Occlusion: measures the effect of each token or span of the text on the next token.",
      "One line per token or span: the drop of the log-probability, or of the difference of two"
          + " logits, without it. 'lens attribute --method occlusion -n N' does so for an answer."
    })
public final class OcclusionCommand extends TextCommand<OcclusionCommand.Found> {
  @Mixin private PositionOption position = new PositionOption();
  @Mixin private TargetOption target = new TargetOption();

  @Option(
      names = "--by",
      paramLabel = "WAY",
      defaultValue = "zero",
      description =
          "zero: the token's embedding is zero; hide: later tokens do not attend to it; replace: it"
              + " becomes another token.")
  private By by = By.ZERO;

  @Option(
      names = "--replacement",
      paramLabel = "TEXT",
      description = "The token, or #N, of --by replace.")
  private @Nullable String replacement;

  @Mixin private SpansOption spans = new SpansOption();

  /** The effects of the tokens or spans on a metric. */
  record Found(Target target, List<TokenSpan> parts, Occlusion occlusion, List<Double> effects) {}

  @Override
  protected void check() {
    super.check();
    spans.check(input());
    if ((by == By.REPLACE) != (replacement != null)) {
      throw new UsageException(
          by == By.REPLACE
              ? "--by replace: needs --replacement"
              : "--replacement " + replacement + ": needs --by replace");
    }
  }

  @Override
  protected int[] read(Model opened, TextInput given) {
    return spans.read(opened, given);
  }

  @Override
  protected Found run(Lens lens, int[] text) {
    int[] tokens = cut(position.of(text) + 1);
    Target explained = target.of(lens.model(), tokens);
    List<TokenSpan> parts = spans.of(lens.model().tokenizer(), tokens);
    Occlusion occlusion = Occlusion.of(lens, tokens, parts, removal(lens), explained.metric());
    return new Found(
        explained,
        parts,
        occlusion,
        IntStream.range(0, parts.size()).mapToObj(occlusion::effect).toList());
  }

  private Removal removal(Lens lens) {
    return switch (by) {
      case ZERO -> Removal.zero();
      case HIDE -> Removal.hide();
      case REPLACE ->
          Removal.replace(
              lens, TokenText.parse(lens.model(), "replacement", String.valueOf(replacement)));
    };
  }

  private String text(TokenSpan span) {
    return span.text(model().tokenizer(), tokens());
  }

  private String quoted(TokenSpan span) {
    return Escapes.quote(text(span));
  }

  @Override
  protected void print(Found found) {
    System.out.printf("%s: %.3f%n", found.target.metricName(), found.occlusion.metric());
    int width = AttributionTable.width(found.parts);
    int text = AttributionTable.textWidth(found.parts.stream().map(this::quoted));
    System.out.printf("%" + width + "s %-" + text + "s %8s%n", "pos", spans.name(), "drop");
    double greatest = found.effects.stream().mapToDouble(Math::abs).max().orElse(0);
    for (int j = 0; j < found.effects.size(); j++) {
      double effect = found.effects.get(j);
      TokenSpan part = found.parts.get(j);
      System.out.printf(
          "%" + width + "s %s %+8.3f  %s%n",
          AttributionTable.position(part),
          TokenText.column(quoted(part), text),
          effect,
          TextBar.of(effect, greatest));
    }
    Hint.print("'vidrio lens attribute' estimates this by gradients.");
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    object.with("tokens", tokens()).with("by", by.name().toLowerCase(Locale.ROOT));
    found.target.fill(object);
    if (!spans.areTokens()) {
      object.put(
          "spans", found.parts.stream().map(part -> List.of(part.from(), part.to())).toList());
    }
    object.with("metric", found.occlusion.metric()).with("effects", found.effects);
  }

  @Override
  protected List<? extends View> views(Found found) {
    String note = "How far it falls without each " + spans.name() + ".";
    List<String> texts = found.parts.stream().map(this::text).toList();
    return List.of(new TokenValues(found.target.metricName(), note, texts, found.effects));
  }
}
