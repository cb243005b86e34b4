package dev.vidrio.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

/**
 * The list of the survey's techniques, and the page that is derived from it. After a change of the
 * list, {@code -Dvidrio.update=true} rewrites the page instead of failing.
 */
class CoverageTest {
  private static final Path LIST = Path.of("src/test/resources/dev/vidrio/cli/coverage.tsv");
  private static final Path PAGE = Path.of("../../docs/lens/coverage.md");
  private static final Path AGREEMENT = Path.of("../../docs/lens/conformance.md");
  private static final String HEAD =
      """
      # Coverage of the survey

      The techniques and findings of [a survey](https://arxiv.org/abs/2405.00208), and the command
      of `vidrio lens` for each. "none" means that there is no code for it, "not here" that there
      will be none. [Agreement](conformance.md) has the figures of the comparisons with other
      programs; "tests by definition" recompute the formula of a method naively, "tests by
      identity" check sums or runs that must be equal.

      """;

  private static final CommandLine VIDRIO = Main.complete();

  /** Commands that serve several techniques, or none of the survey's, and are not a row. */
  private static final Set<String> GENERAL =
      Set.of("cache", "gradients", "hooks", "similarity", "help");

  /** Programs that wrote the expected values in files of tests. */
  private static final Set<String> BY_TESTS =
      Set.of(
          "scikit-learn",
          "concept-erasure",
          "SAELens",
          "delphi",
          "sparsify",
          "steps of PyTorch",
          "numpy",
          "networkx",
          "the authors' samplers");

  /**
   * A row of the list.
   *
   * @param commands separated by semicolons; empty without code
   */
  private record Row(
      String section, String technique, String commands, String oracle, String limit) {
    static Row of(String line) {
      String[] fields = line.split("\t", -1);
      assertEquals(5, fields.length, line);
      return new Row(fields[0], fields[1], fields[2], fields[3], fields[4]);
    }

    boolean exists() {
      return !commands.isEmpty() && !commands.equals("not here");
    }

    List<String> names() {
      return exists() ? List.of(commands.split("; ")) : List.of();
    }
  }

  private static List<Row> rows() throws IOException {
    return Files.readAllLines(LIST).stream().skip(1).map(Row::of).toList();
  }

  @Test
  void listsAllTechniques() throws IOException {
    assertEquals(85, rows().size());
    assertEquals(85, rows().stream().map(Row::technique).distinct().count());
    for (Row row : rows()) {
      assertEquals(row.exists(), !row.oracle().isEmpty(), row.technique());
    }
  }

  @Test
  void namesExistingCommandsAndOptions() throws IOException {
    for (Row row : rows()) {
      row.names().forEach(CoverageTest::resolve);
    }
  }

  /** Returns the name of the command below {@code lens}. */
  private static String resolve(String text) {
    CommandLine command = VIDRIO;
    List<String> path = new ArrayList<>();
    for (String word : text.split(" ", -1)) {
      if (word.startsWith("--")) {
        assertNotNull(command.getCommandSpec().findOption(word), text);
      } else {
        command = command.getSubcommands().get(word);
        assertNotNull(command, text);
        path.add(word);
      }
    }
    assertTrue(path.size() >= 2 && path.getFirst().equals("lens"), text);
    return path.get(1);
  }

  /** Every program has a comparison of one of the commands, on a page or in files of tests. */
  @Test
  void namesComparedPrograms() throws IOException {
    List<String[]> compared =
        Files.readAllLines(AGREEMENT).stream()
            .filter(line -> line.startsWith("| ") && line.contains("`lens "))
            .map(line -> line.split(" \\| ", -1))
            .toList();
    for (Row row : rows()) {
      for (String oracle : row.oracle().split("; ", -1)) {
        if (oracle.isEmpty() || oracle.startsWith("tests by") || BY_TESTS.contains(oracle)) {
          continue;
        }
        String program = oracle.equals("PyTorch") ? "torch" : oracle;
        assertTrue(
            compared.stream()
                .filter(cells -> (cells[2] + " ").startsWith(program + " "))
                .anyMatch(
                    cells ->
                        row.names().stream()
                            .map(CoverageTest::resolve)
                            .anyMatch(name -> (cells[1] + " ").matches("`lens " + name + "\\b.*"))),
            row.technique() + ": " + oracle);
      }
    }
  }

  @Test
  void listsEveryCommand() throws IOException {
    Set<String> listed =
        rows().stream()
            .flatMap(row -> row.names().stream())
            .map(CoverageTest::resolve)
            .collect(Collectors.toCollection(TreeSet::new));
    Set<String> commands =
        new TreeSet<>(
            Objects.requireNonNull(VIDRIO.getSubcommands().get("lens")).getSubcommands().keySet());
    commands.removeAll(GENERAL);
    assertEquals(commands, listed);
  }

  @Test
  void pageFollowsFromTheList() throws IOException {
    long with = rows().stream().filter(Row::exists).count();
    String table =
        rows().stream()
            .map(
                row ->
                    Stream.of(
                            row.section(), row.technique(), command(row), row.oracle(), row.limit())
                        .collect(Collectors.joining(" | ", "| ", " |\n")))
            .collect(Collectors.joining());
    String page =
        HEAD
            + with
            + " of "
            + rows().size()
            + " have a command.\n\n"
            + "| section | technique or finding | command | checked against | limit |\n"
            + "|---|---|---|---|---|\n"
            + table;
    if (Boolean.getBoolean("vidrio.update")) {
      Files.writeString(PAGE, page);
    }
    assertEquals(page, Files.readString(PAGE), "run with -Dvidrio.update=true");
  }

  private static String command(Row row) {
    return row.exists()
        ? Arrays.stream(row.commands().split("; ")).collect(Collectors.joining("`, `", "`", "`"))
        : row.commands().isEmpty() ? "none" : row.commands();
  }
}
