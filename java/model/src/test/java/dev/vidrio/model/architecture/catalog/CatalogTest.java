package dev.vidrio.model.architecture.catalog;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.model.architecture.Trait;
import dev.vidrio.model.architecture.catalog.ArchitectureEntry.Directory;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/**
 * Files derived from the catalog: tables in the documentation, the list that the fixture generator
 * reads, and fixtures. After a change, {@code -Dvidrio.update=true} rewrites the texts instead of
 * failing.
 */
class CatalogTest {
  private static final Path ROOT = Path.of("../..");
  private static final Path FORMATS = ROOT.resolve("docs/formats.md");
  private static final Path GENERATED =
      Path.of("src/test/resources/dev/vidrio/model/architecture/architectures.json");
  private static final String OTHERS = "others";
  private static final String HEAD = "| by | `general.architecture` |\n|---|---|\n";
  private static final String OPEN_ONLY = " depend on remote code and open only from GGUF.";

  private static final boolean UPDATE = Boolean.getBoolean("vidrio.update");

  /** Compares a part of a file, found by a pattern with one group, or rewrites it. */
  private static void assertPart(Path file, Pattern pattern, String expected) throws IOException {
    String text = Files.readString(file);
    Matcher matcher = pattern.matcher(text);
    assertTrue(matcher.find(), () -> file + " has no " + pattern);
    if (UPDATE) {
      String updated =
          text.substring(0, matcher.start(1)) + expected + text.substring(matcher.end(1));
      Files.writeString(file, updated);
    } else {
      assertEquals(expected, matcher.group(1), () -> file + ": run with -Dvidrio.update=true");
    }
  }

  private static String quoted(ArchitectureEntry entry) {
    String models = entry.models().isEmpty() ? "" : " (" + entry.models() + ")";
    return "`" + entry.name() + "`" + models;
  }

  private static String table() {
    Map<String, List<String>> rows =
        new TreeMap<>(
            Comparator.<String, Boolean>comparing(OTHERS::equals)
                .thenComparing(Comparator.naturalOrder()));
    for (ArchitectureEntry entry : Catalog.entries()) {
      rows.computeIfAbsent(entry.developer(), developer -> new ArrayList<>()).add(quoted(entry));
    }
    return rows.entrySet().stream()
        .map(row -> "| " + row.getKey() + " | " + String.join(", ", row.getValue()) + " |\n")
        .collect(Collectors.joining());
  }

  @Test
  void tableListsAllArchitectures() throws IOException {
    assertPart(FORMATS, Pattern.compile(Pattern.quote(HEAD) + "((?:\\|[^\n]*\n)*)"), table());
  }

  @Test
  void pageNamesArchitecturesWithoutDirectories() throws IOException {
    List<String> names =
        Catalog.entries().stream()
            .filter(entry -> entry.directories().isEmpty())
            .map(entry -> "`" + entry.name() + "`")
            .toList();
    String last = names.getLast();
    String all = String.join(", ", names.subList(0, names.size() - 1)) + " and " + last;
    assertPart(FORMATS, Pattern.compile("([^.\n]*)" + Pattern.quote(OPEN_ONLY)), " " + all);
  }

  @Test
  void readmeHasTheNumberOfArchitectures() throws IOException {
    Pattern number = Pattern.compile("\\[(\\d+) architectures\\]");
    assertPart(ROOT.resolve("README.md"), number, Integer.toString(Catalog.entries().size()));
  }

  @Test
  void generatorReadsTheTransformersClasses() throws IOException {
    String lines =
        Catalog.entries().stream()
            .map(
                entry ->
                    "  \"%s\": [%s]"
                        .formatted(
                            entry.name(),
                            entry.directories().stream()
                                .map(Directory::className)
                                .map(name -> "\"" + name + "\"")
                                .collect(Collectors.joining(", "))))
            .collect(Collectors.joining(",\n"));
    String expected = "{\n" + lines + "\n}\n";
    if (UPDATE) {
      Files.writeString(GENERATED, expected);
    }
    assertEquals(expected, Files.readString(GENERATED), "run with -Dvidrio.update=true");
  }

  @Test
  void everyArchitectureHasAFixture() {
    Set<String> withFile = new HashSet<>();
    TinyModels.names().forEach(name -> withFile.add(TinyModels.architecture(name).name()));
    Set<String> withDirectory = new HashSet<>();
    TinyModels.directories()
        .forEach(name -> withDirectory.add(TinyModels.architecture(name).name()));
    for (ArchitectureEntry entry : Catalog.entries()) {
      if (entry.traits().contains(Trait.ENCODER)) {
        continue; // EncodersTest
      }
      assertTrue(withFile.contains(entry.name()), entry.name());
      assertEquals(
          !entry.directories().isEmpty(), withDirectory.contains(entry.name()), entry.name());
    }
  }

  @Test
  void namesClassesOnceUnlessConfigurationsDecide() {
    Map<String, Long> counts =
        Catalog.entries().stream()
            .flatMap(entry -> entry.directories().stream())
            .collect(Collectors.groupingBy(Directory::className, Collectors.counting()));
    Set<String> several =
        counts.entrySet().stream()
            .filter(count -> count.getValue() > 1)
            .map(Map.Entry::getKey)
            .collect(Collectors.toSet());
    Set<String> expected =
        Set.of(
            "BitNetForCausalLM",
            "GraniteMoeHybridForCausalLM",
            "Mistral3ForConditionalGeneration",
            "NemotronHForCausalLM");
    assertEquals(expected, several);
  }
}
