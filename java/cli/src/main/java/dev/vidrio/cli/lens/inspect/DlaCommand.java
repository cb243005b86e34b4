package dev.vidrio.cli.lens.inspect;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.lens.edit.EditOption;
import dev.vidrio.cli.lens.option.PageOption;
import dev.vidrio.cli.lens.option.PositionOption;
import dev.vidrio.cli.lens.option.TargetOption;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.inspect.DirectLogitAttribution;
import dev.vidrio.lens.inspect.DirectLogitAttribution.By;
import dev.vidrio.lens.inspect.DirectLogitAttribution.Part;
import dev.vidrio.lens.page.Views;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens dla}. */
@Command(
    name = "dla",
    description = {
      "Direct logit attribution: shows what each component adds to the logit of the next token.",
      "The parts add up to the logit, or to the difference of two logits. --by token"
          + " traces attention back to the tokens of the text (ALTI-Logit)."
    })
public final class DlaCommand implements Callable<Integer> {
  private static final int BAR = 24;

  @Mixin private ModelOption model = new ModelOption();
  @Mixin private TextInput input = new TextInput();
  @Mixin private PositionOption position = new PositionOption();
  @Mixin private TargetOption target = new TargetOption();
  @Mixin private EditOption edits = new EditOption();
  @Mixin private PageOption page = new PageOption();

  @Option(
      names = "--by",
      paramLabel = "PART",
      defaultValue = "head",
      description = "${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
  private By by = By.HEAD;

  @Option(
      names = "--top",
      paramLabel = "K",
      description = "Parts to print. Default: ${DEFAULT-VALUE}.")
  private int top = 20;

  @Option(names = "--json", description = "Print JSON, with all parts in the model's order.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    page.check();
    try (Model opened = model.open()) {
      int[] tokens = input.requiredIds(opened);
      Lens lens = Lens.of(opened);
      int at = position.of(tokens);
      int[] text = Arrays.copyOf(tokens, at + 1);
      int token = target.token(opened, text);
      int other = target.versus(opened);
      DirectLogitAttribution dla =
          DirectLogitAttribution.of(lens, tokens, at, token, other, by, edits.of(lens, text));
      if (page.isWanted()) {
        page.write(opened, "vidrio lens dla", tokens, Views.attribution(opened, dla));
      } else if (json) {
        Json.print(contents(opened, tokens, dla));
      } else {
        print(opened, dla);
      }
    }
    return 0;
  }

  private void print(Model model, DirectLogitAttribution dla) {
    System.out.printf(
        "logit of %s%s after position %d: %.3f, sum of %d parts%s: %.3f%n",
        TokenText.of(model, dla.token()),
        dla.versus() < 0 ? "" : " minus that of " + TokenText.of(model, dla.versus()),
        dla.position(),
        dla.logit(),
        dla.parts().size(),
        dla.capped() ? ", before the soft cap" : "",
        dla.sum());
    List<Part> ranked = dla.ranked();
    System.out.println("component         logit");
    double greatest = Math.abs(ranked.getFirst().value());
    for (Part part : ranked.subList(0, Math.clamp(top, 0, ranked.size()))) {
      int length = (int) Math.round(BAR * Math.abs(part.value()) / Math.max(greatest, 1e-30));
      System.out.printf(
          "%-14s %+8.3f  %s%n",
          part.component(), part.value(), (part.value() < 0 ? "-" : "+").repeat(length));
    }
    Hint.print("'vidrio lens ablate' measures total effects; '--by path' divides heads by source.");
  }

  private static Map<String, Object> contents(
      Model model, int[] tokens, DirectLogitAttribution dla) {
    Map<String, Object> parts = new LinkedHashMap<>();
    dla.parts().forEach(part -> parts.put(part.component(), part.value()));
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", model.name());
    result.put("tokens", tokens);
    result.put("position", dla.position());
    result.put("token", dla.token());
    if (dla.versus() >= 0) {
      result.put("versus", dla.versus());
    }
    result.put("logit", dla.logit());
    result.put("sum", dla.sum());
    if (dla.capped()) {
      result.put("capped", true);
    }
    result.put("parts", parts);
    return result;
  }
}
