package dev.vidrio.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;

/** README and the pages of the lens show the output of their commands on the embedded model. */
@Tag("long")
class PagesTest {
  private static final Path ROOT = Path.of("..", "..");

  /** The parent of the directory build, to which commands write and which later ones read. */
  private static final String WRITTEN = "target/";

  private static final Pattern BLOCK =
      Pattern.compile("```console\n\\$ \\./vidrio ([^\n]*)\n(.*?)```", Pattern.DOTALL);

  private static final Pattern WORD = Pattern.compile("\"([^\"]*)\"|(\\S+)");

  @TestFactory
  Stream<DynamicTest> pagesShowOutputOfCommands() throws IOException {
    List<MatchResult> blocks;
    try (Stream<Path> tour = Files.list(ROOT.resolve("docs", "lens"))) {
      blocks =
          Stream.concat(Stream.of(ROOT.resolve("README.md")), tour)
              .filter(page -> page.toString().endsWith(".md"))
              .sorted()
              .flatMap(page -> BLOCK.matcher(read(page)).results())
              .filter(block -> !block.group(1).contains("-m "))
              .toList();
    }
    assertTrue(blocks.size() >= 6, blocks.size() + " commands");
    return blocks.stream()
        .map(block -> DynamicTest.dynamicTest(block.group(1), () -> check(block)));
  }

  private static String read(Path page) {
    try {
      return Files.readString(page);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void check(MatchResult block) {
    String[] arguments =
        WORD.matcher(block.group(1))
            .results()
            .map(word -> word.group(1) == null ? word.group(2) : word.group(1))
            .map(word -> word.startsWith("docs/") ? ROOT.resolve(word).toString() : word)
            .map(word -> word.startsWith("build/") ? WRITTEN + word : word)
            .toArray(String[]::new);
    Cli result = Cli.run(arguments);
    assertEquals(0, result.code(), result.err());
    // Pages do not show an empty line at the end.
    String shown = result.out().replace(WRITTEN + "build/", "build/");
    assertEquals(block.group(2).stripTrailing(), shown.stripTrailing());
  }
}
