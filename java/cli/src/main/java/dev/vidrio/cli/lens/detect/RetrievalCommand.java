package dev.vidrio.cli.lens.detect;

import dev.vidrio.cli.io.Heat;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.detect.RetrievalHeads;
import dev.vidrio.model.Model;
import dev.vidrio.tokenizer.EncodeOptions;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens retrieval}. */
@Command(
    name = "retrieval",
    description = {
      "Finds retrieval heads, which copy an inserted sentence (the needle) from a text.",
      "The needle is inserted into the text at several depths, the question follows, and the model"
          + " answers. A head's score is the share of the needle's tokens in the answer to which"
          + " the head attends most as they are generated."
    })
public final class RetrievalCommand extends ModelCommand<RetrievalHeads> {
  @Mixin private TextInput input = new TextInput();

  @Option(
      names = "--needle",
      paramLabel = "TEXT",
      required = true,
      description = "The text to insert.")
  private String needle = "";

  @Option(
      names = "--question",
      paramLabel = "TEXT",
      required = true,
      description = "The question after the text, which the needle answers.")
  private String question = "";

  @Option(names = "--depths", paramLabel = "N", description = "Number of depths to insert it at.")
  private int depths = 5;

  @Option(names = "--top", paramLabel = "K", description = "Heads to print; JSON has all.")
  private int top = 10;

  @Override
  protected void check() {
    UsageException.requireAtLeast("--depths", depths, 1);
  }

  @Override
  protected RetrievalHeads run(Model opened) {
    return RetrievalHeads.of(
        Lens.of(opened),
        input.requiredIds(opened),
        ids(opened, needle),
        ids(opened, question),
        depths);
  }

  private static int[] ids(Model opened, String text) {
    return opened.tokenizer().encode(text, new EncodeOptions(true, false));
  }

  @Override
  protected void print(RetrievalHeads heads) {
    System.out.printf(
        "%d answers repeat %.0f %% of the needle%n", heads.trials(), 100 * heads.recalled());
    System.out.println("head    score (0 to 1)");
    List<RetrievalHeads.Score> ranked = heads.ranked();
    for (RetrievalHeads.Score score : ranked.subList(0, Math.clamp(top, 0, ranked.size()))) {
      String cell = Heat.cell("%5.3f".formatted(score.score()), score.score());
      System.out.printf("%-8s%s%n", score.name(), cell);
    }
  }

  @Override
  protected void fill(JsonObject object, RetrievalHeads heads) {
    object.with("trials", heads.trials()).with("recalled", heads.recalled());
    object.put("heads", heads.heads());
  }
}
