package dev.vidrio.cli.lens.option;

import dev.vidrio.cli.io.CommandException;
import dev.vidrio.cli.io.InputOutput;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.TextPair;
import dev.vidrio.model.Model;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Option;

/** The options of clean and corrupted texts: one pair, or those of a file. */
public final class TextPairsOption {
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

  /** Returns all pairs, with their answers. */
  public List<Judged> all(Model model) {
    if (source.file != null) {
      return read(model, source.file);
    }
    One one = source.one == null ? new One() : source.one;
    return List.of(pair(model, one.clean, one.corrupt, one.answer, one.wrong, ""));
  }

  /** Returns the clean text of a single pair, or none. */
  public static int[] tokens(List<TextPair> pairs) {
    return pairs.size() == 1 ? pairs.getFirst().clean() : new int[0];
  }

  /** Returns the pairs without their answers. */
  public static List<TextPair> pairs(List<Judged> all) {
    return all.stream().map(Judged::pair).toList();
  }

  /** Returns the label of the logit difference over pairs. */
  public static String difference(int pairs) {
    return "logit difference" + (pairs == 1 ? "" : ", mean of " + pairs + " pairs");
  }

  private static List<Judged> read(Model model, Path file) {
    List<Judged> pairs = new ArrayList<>();
    for (String line : InputOutput.read(file).lines().toList()) {
      String[] fields = line.split("\t", -1);
      String where = " of line " + (pairs.size() + 1);
      if (fields.length != 4) {
        throw new CommandException(
            file
                + ": line "
                + (pairs.size() + 1)
                + ": must be two texts and two tokens, separated by tab characters");
      }
      pairs.add(pair(model, fields[0], fields[1], fields[2], fields[3], where));
    }
    if (pairs.isEmpty()) {
      throw new CommandException(file + ": must have one or more pairs of texts");
    }
    return pairs;
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
