package dev.vidrio.cli.style;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Each threat in SECURITY.md has tests that exist. */
class ThreatModelTest {
  private static final Path ROOT = Path.of("../..");

  /** A row: a threat, the measure against it, and its tests. */
  private static final Pattern ROW =
      Pattern.compile("^\\| (?!threat: )([^|]+) \\| [^|]+ \\| ([^|]+) \\|$", Pattern.MULTILINE);

  private static final Pattern TEST = Pattern.compile("`(test_\\w+|[A-Z]\\w*Test)(?:\\.(\\w+))?`");

  @Test
  void namesTestsOfEachThreat() throws IOException {
    String page = Files.readString(ROOT.resolve("SECURITY.md"));
    Map<String, String> sources = sources();
    List<String> missing = new ArrayList<>();
    int threats = 0;
    for (var row : ROW.matcher(page).results().toList()) {
      threats++;
      var tests = TEST.matcher(row.group(2)).results().toList();
      if (tests.isEmpty()) {
        missing.add(row.group(1));
      }
      for (var test : tests) {
        String source = sources.get(test.group(1));
        String method = test.group(2);
        if (source == null || (method != null && !source.contains("void " + method + "("))) {
          missing.add(test.group());
        }
      }
    }
    assertEquals(List.of(), missing);
    assertTrue(threats >= 29, () -> "some rows are not read");
  }

  /** Returns the text of all tests by class (classes of one name together), or by C program. */
  private static Map<String, String> sources() throws IOException {
    Map<String, String> sources = new HashMap<>();
    for (String directory : List.of("java", "native/test", "bench/fuzz/src/test")) {
      try (Stream<Path> files = Files.walk(ROOT.resolve(directory))) {
        for (Path file : (Iterable<Path>) files::iterator) {
          String name = file.getFileName().toString();
          if (name.matches(".*Test\\.java|test_\\w+\\.c")) {
            sources.merge(name.replaceFirst("\\..*", ""), Files.readString(file), String::concat);
          }
        }
      }
    }
    return sources;
  }
}
