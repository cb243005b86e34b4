package dev.vidrio.cli.lens.detect;

import dev.vidrio.cli.io.Heat;
import dev.vidrio.cli.io.InputOutput;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.option.JsonHelp;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.detect.DependencySentence;
import dev.vidrio.lens.detect.SyntacticHeads;
import dev.vidrio.lens.detect.SyntacticHeads.Accuracy;
import dev.vidrio.lens.detect.SyntacticHeads.Direction;
import dev.vidrio.lens.detect.SyntacticHeads.Relation;
import dev.vidrio.model.Model;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code vidrio lens syntax}. */
@Command(
    name = "syntax",
    description = {
      "Finds syntactic heads, which attend from a word to the word that it depends on, or the"
          + " reverse.",
      "One line per relation and direction: the head that most often has its largest weight on the"
          + " right word, and how often a fixed distance finds it, in percent. Of each pair of"
          + " words, the later one attends."
    })
@JsonHelp("Print JSON with the accuracy of all heads.")
public final class SyntaxCommand extends ModelCommand<SyntacticHeads> {
  @Option(
      names = {"-f", "--file"},
      paramLabel = "FILE.conllu",
      required = true,
      description = "Sentences with dependencies, in the format CoNLL-U.")
  private Path file = Path.of("");

  @Option(
      names = "--pairs",
      paramLabel = "N",
      description = "Relations with fewer pairs of words are not printed.")
  private int least = 20;

  @Override
  protected SyntacticHeads run(Model opened) {
    return SyntacticHeads.of(Lens.of(opened), DependencySentence.read(InputOutput.read(file)));
  }

  @Override
  protected void print(SyntacticHeads syntax) {
    System.out.printf(
        "%d sentences; accuracy of the best head and of the best fixed distance, in %%%n",
        syntax.sentences());
    System.out.println("relation         attends to   pairs   head     accuracy   fixed  distance");
    List<Relation> shown =
        syntax.relations().stream()
            .filter(relation -> relation.pairs() >= least)
            .sorted(Comparator.comparingDouble(r -> r.baseline() - r.best().accuracy()))
            .toList();
    for (Relation relation : shown) {
      Accuracy best = relation.best();
      System.out.printf(
          "%-17s%-12s%6d   %-8s%s  %6.1f  %8d%n",
          relation.label(),
          relation.direction() == Direction.TO_HEAD ? "head" : "dependent",
          relation.pairs(),
          best.name(),
          Heat.cell("%9.1f".formatted(100 * best.accuracy()), best.accuracy()),
          100 * relation.baseline(),
          relation.offset());
    }
    int hidden = syntax.relations().size() - shown.size();
    if (hidden > 0) {
      System.out.printf("%d relations with fewer than %d pairs (--pairs)%n", hidden, least);
    }
  }

  @Override
  protected void fill(JsonObject object, SyntacticHeads syntax) {
    object.put("sentences", syntax.sentences());
    object.put("relations", syntax.relations().stream().map(SyntaxCommand::toJson).toList());
  }

  private static JsonObject toJson(Relation relation) {
    return new JsonObject()
        .with("relation", relation.label())
        .with("attends_to", relation.direction() == Direction.TO_HEAD ? "head" : "dependent")
        .with("pairs", relation.pairs())
        .with("distance", relation.offset())
        .with("baseline", relation.baseline())
        .with("best", relation.best().name())
        .with("heads", relation.heads());
  }
}
