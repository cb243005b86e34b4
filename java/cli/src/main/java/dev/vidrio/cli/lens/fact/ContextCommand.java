package dev.vidrio.cli.lens.fact;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.option.EstimateText;
import dev.vidrio.cli.lens.option.PageCommand;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.fact.RecallAndContext;
import dev.vidrio.lens.fact.RecallAndContext.Conflict;
import dev.vidrio.lens.fact.RecallAndContext.Head;
import dev.vidrio.lens.page.Bars;
import dev.vidrio.lens.page.View;
import dev.vidrio.model.Model;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens facts context}. */
@Command(
    name = "context",
    description = {
      "Recall against context: ranks heads by what they promote if a text contradicts a fact.",
      "Each prompt first states a false answer (that of the next fact with the same prompt), then"
          + " asks. direct: a head's contribution to the logit of the true answer less that of the"
          + " stated one; total: the loss of this difference without the head."
    })
public final class ContextCommand extends PageCommand<ContextCommand.Found> {
  @Mixin private KnownFacts facts = new KnownFacts();

  @Option(
      names = "--top",
      paramLabel = "K",
      description = "Heads to print at each end; JSON has all.")
  private int top = 8;

  /** The heads. */
  record Found(int prompts, RecallAndContext heads) {}

  @Override
  protected Found run(Model opened) {
    Lens lens = Lens.of(opened);
    List<Conflict> prompts =
        facts.of(lens).contradicted().stream()
            .map(
                fact ->
                    Conflict.of(
                        opened,
                        fact.line().subject(),
                        fact.line().prompt(),
                        fact.line().answer(),
                        fact.other()))
            .toList();
    return new Found(prompts.size(), RecallAndContext.of(lens, prompts));
  }

  @Override
  protected void print(Found found) {
    RecallAndContext heads = found.heads;
    System.out.printf(
        "%d prompts; most likely token in %%: the fact %s, the context %s%n",
        found.prompts,
        EstimateText.percent(heads.recalled()),
        EstimateText.percent(heads.copied()));
    System.out.printf(
        "logit of the fact's answer less that of the context: %s%n",
        EstimateText.of(heads.difference()));
    System.out.println("head               direct             total");
    List<Head> ranked = heads.ranked();
    int ends = Math.clamp(top, 0, ranked.size() / 2);
    ranked.subList(0, ends).forEach(ContextCommand::print);
    System.out.println("…");
    ranked.subList(ranked.size() - ends, ranked.size()).forEach(ContextCommand::print);
    Hint.print("'vidrio lens attention' shows what a head attends to.");
  }

  private static void print(Head head) {
    System.out.printf(
        "%-7s %17s %17s%n",
        head.name(), EstimateText.of(head.direct()), EstimateText.of(head.total()));
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    object.put("prompts", found.prompts);
    object.put("recalled", EstimateText.toJson(found.heads.recalled()));
    object.put("copied", EstimateText.toJson(found.heads.copied()));
    object.put("logit_difference", EstimateText.toJson(found.heads.difference()));
    object.put(
        "heads",
        found.heads.ranked().stream()
            .map(
                head ->
                    new JsonObject()
                        .with("name", head.name())
                        .with("direct", EstimateText.toJson(head.direct()))
                        .with("total", EstimateText.toJson(head.total())))
            .toList());
  }

  @Override
  protected List<? extends View> views(Found found) {
    return List.of(
        new Bars(
            "Recall against context",
            "Direct contribution of each head to the logit of the fact's answer less that of the"
                + " context.",
            found.heads.heads().stream()
                .map(head -> new Bars.Bar(head.name(), head.direct().mean()))
                .toList()));
  }
}
