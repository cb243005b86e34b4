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

/** Pairs of texts that differ in what an answer depends on: one, or those of a file. */
public final class TextPairsOption {
  /**
   * A pair of texts.
   *
   * @param answer the right next token of the clean text
   * @param wrong the token that it is compared with
   */
  public record Judged(TextPair pair, int answer, int wrong) {}

  /** One of the ways to give them. */
  private static final class Source {
    @ArgGroup(exclusive = false)
    private @Nullable One one;

    @Option(
        names = "--pairs",
        paramLabel = "FILE",
        description =
            "A file with a pair on each line, what --clean, --corrupt, --answer and --wrong would"
                + " say with tab characters between. Results are means over the pairs.")
    private @Nullable Path file;
  }

  /** A pair on the command line. */
  private static final class One {
    @Option(
        names = "--clean",
        paramLabel = "TEXT",
        required = true,
        description = "The text after which the answer is right.")
    private String clean = "";

    @Option(
        names = "--corrupt",
        paramLabel = "TEXT",
        required = true,
        description = "A text of as many tokens after which it is not.")
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
        description = "The token that it is compared with.")
    private String wrong = "";
  }

  @ArgGroup(multiplicity = "1")
  private Source source = new Source();

  public TextPairsOption() {}

  /** All of them. */
  public List<Judged> all(Model model) {
    if (source.file != null) {
      return read(model, source.file);
    }
    One one = source.one == null ? new One() : source.one;
    return List.of(pair(model, one.clean, one.corrupt, one.answer, one.wrong, ""));
  }

  /** The text that a page of results shows: the clean one of a single pair, else none. */
  public static int[] tokens(List<TextPair> pairs) {
    return pairs.size() == 1 ? pairs.getFirst().clean() : new int[0];
  }

  /** What the methods of the lens take. */
  public static List<TextPair> pairs(List<Judged> all) {
    return all.stream().map(Judged::pair).toList();
  }

  /** What numbers of so many pairs are, as commands print it. */
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
                + ": must be two texts and two tokens, tab characters between");
      }
      pairs.add(pair(model, fields[0], fields[1], fields[2], fields[3], where));
    }
    if (pairs.isEmpty()) {
      throw new CommandException(file + ": must hold a pair of texts or more");
    }
    return pairs;
  }

  /**
   * A pair.
   *
   * @param where what errors say of its place
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
          "must have as many as the clean one, " + cleanIds.length);
    }
    if (Arrays.equals(cleanIds, corruptIds)) {
      throw new InvalidInputException(
          "corrupted text" + where, corrupt, "must differ from the clean one");
    }
    return new Judged(TextPair.of(cleanIds, corruptIds, right, other), right, other);
  }
}
