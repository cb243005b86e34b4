package dev.vidrio.cli.lens.option;

import dev.vidrio.cli.io.CommandException;
import dev.vidrio.cli.io.InputOutput;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.TextPair;
import dev.vidrio.model.Model;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Option;

/**
 * A lens command on clean and corrupted texts: one pair, or those of a file.
 *
 * @param <R> the result
 */
public abstract class PairsCommand<R> extends PageCommand<R> {
  /**
   * A pair of texts.
   *
   * @param answer the right next token of the clean text
   * @param wrong the token to contrast it with
   */
  public record Judged(TextPair pair, int answer, int wrong) {}

  /** The mutually exclusive sources. */
  private static final class Source {
    @ArgGroup(exclusive = false)
    private @Nullable One one;

    @Option(
        names = "--pairs",
        paramLabel = "FILE",
        description =
            "A file with a pair on each line: the values of --clean, --corrupt, --answer and"
                + " --wrong, separated by tab characters. Results are means over the pairs.")
    private @Nullable Path file;
  }

  /** A pair on the command line. */
  private static final class One {
    @Option(
        names = "--clean",
        paramLabel = "TEXT",
        required = true,
        description = "The text whose answer is right.")
    private String clean = "";

    @Option(
        names = "--corrupt",
        paramLabel = "TEXT",
        required = true,
        description = "A text with the same number of tokens whose answer is wrong.")
    private String corrupt = "";

    @Option(
        names = "--answer",
        paramLabel = "TOKEN",
        required = true,
        description = "The right next token of the clean text, as text or #N.")
    private String answer = "";

    @Option(
        names = "--wrong",
        paramLabel = "TOKEN",
        required = true,
        description = "The token to contrast it with.")
    private String wrong = "";
  }

  @ArgGroup(multiplicity = "1")
  private Source source = new Source();

  private List<Judged> judged = List.of();

  @Override
  protected final R run(Model opened) {
    One one = source.one == null ? new One() : source.one;
    judged =
        source.file == null
            ? List.of(pair(opened, one.clean, one.corrupt, one.answer, one.wrong, ""))
            : read(opened, source.file);
    return run(Lens.of(opened), judged.stream().map(Judged::pair).toList());
  }

  /** Computes the result for all pairs. */
  protected abstract R run(Lens lens, List<TextPair> pairs);

  /** Returns the pairs with their answers. */
  protected final List<Judged> judged() {
    return judged;
  }

  /** Returns the clean text of a single pair, or none. */
  @Override
  protected final int[] tokens() {
    return judged.size() == 1 ? judged.getFirst().pair().clean() : new int[0];
  }

  /** Returns the label of the logit difference over the pairs. */
  protected final String difference() {
    return "logit difference" + (judged.size() == 1 ? "" : ", mean of " + judged.size() + " pairs");
  }

  private static List<Judged> read(Model model, Path file) {
    List<Judged> pairs = new ArrayList<>();
    for (String[] fields : lines(file)) {
      String where = " of line " + (pairs.size() + 1);
      pairs.add(pair(model, fields[0], fields[1], fields[2], fields[3], where));
    }
    if (pairs.isEmpty()) {
      throw new CommandException(file + ": must have one or more pairs of texts");
    }
    return pairs;
  }

  /** Reads a file of lines of two texts and two tokens, which tab characters separate. */
  public static List<String[]> lines(Path file) {
    List<String[]> lines =
        InputOutput.read(file).lines().map(line -> line.split("\t", -1)).toList();
    for (int i = 0; i < lines.size(); i++) {
      if (lines.get(i).length != 4) {
        throw new CommandException(
            file
                + ": line "
                + (i + 1)
                + ": must be two texts and two tokens, separated by tab characters");
      }
    }
    return lines;
  }

  /**
   * Returns a pair.
   *
   * @param where its line, for errors
   */
  private static Judged pair(
      Model model, String clean, String corrupt, String answer, String wrong, String where) {
    int right = TokenText.parse(model, "answer" + where, answer);
    int other = TokenText.parse(model, "wrong" + where, wrong);
    int[] cleanIds = model.tokenizer().encode(clean);
    int[] corruptIds = model.tokenizer().encode(corrupt);
    if (cleanIds.length != corruptIds.length) {
      throw new InvalidInputException(
          "corrupted text" + where,
          corruptIds.length + " tokens",
          "must have as many as the clean text: " + cleanIds.length);
    }
    if (Arrays.equals(cleanIds, corruptIds)) {
      throw new InvalidInputException(
          "corrupted text" + where, corrupt, "must differ from the clean text");
    }
    return new Judged(TextPair.of(cleanIds, corruptIds, right, other), right, other);
  }
}
