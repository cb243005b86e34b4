package dev.vidrio.cli.style;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The metadata for GraalVM's native images, over all libraries. */
class NativeImageTest {
  private static final Path ROOT = Path.of("../..");
  private static final String METADATA = "reachability-metadata.json";

  /** Files that a build adds from elsewhere to the resources of a module. */
  private static final List<String> ADDED = List.of("dev/vidrio/kernel/java/memory/grids.inc");

  private static List<Path> metadata() throws IOException {
    List<Path> files = new ArrayList<>();
    for (Path module : modules()) {
      Path directory = module.resolve("src/main/resources/META-INF/native-image/dev.vidrio");
      Path file =
          directory.resolve("vidrio-" + module.toRealPath().getFileName()).resolve(METADATA);
      if (Files.exists(file)) {
        files.add(file);
      }
    }
    assertFalse(files.isEmpty());
    return files;
  }

  private static List<Path> modules() throws IOException {
    try (var modules = Files.list(ROOT.resolve("java"))) {
      List<Path> found = new ArrayList<>(modules.filter(Files::isDirectory).sorted().toList());
      found.add(ROOT.resolve("bindings"));
      return found;
    }
  }

  /** Returns the resources of the libraries, without those of the JVM and of frameworks. */
  private static List<String> resources() throws IOException {
    List<String> names = new ArrayList<>(ADDED);
    for (Path module : modules()) {
      Path resources = module.resolve("src/main/resources");
      if (module.endsWith("cli") || !Files.exists(resources)) {
        continue; // the command line is not meant for native images
      }
      try (var files = Files.walk(resources)) {
        files
            .filter(Files::isRegularFile)
            .map(file -> resources.relativize(file).toString())
            .filter(name -> !name.startsWith("META-INF"))
            .forEach(names::add);
      }
    }
    return names;
  }

  private static List<String> values(String section, String field) throws IOException {
    List<String> values = new ArrayList<>();
    for (Path file : metadata()) {
      JsonNode entries = JsonMapper.shared().readTree(Files.readString(file)).path(section);
      entries.forEach(entry -> values.add(entry.path(field).asString()));
    }
    return values;
  }

  @Test
  void listsTheResources() throws IOException {
    List<String> globs = values("resources", "glob");
    List<String> unlisted = new ArrayList<>(resources());
    List<String> unused = new ArrayList<>(globs);
    unused.remove("META-INF/native/**"); // in the jars of the native library
    for (String glob : globs) {
      var matcher = FileSystems.getDefault().getPathMatcher("glob:" + glob);
      if (resources().stream().map(Path::of).anyMatch(matcher::matches)) {
        unused.remove(glob);
      }
      unlisted.removeIf(name -> matcher.matches(Path.of(name)));
    }
    assertEquals(List.of(), unlisted, "resources without metadata");
    assertEquals(List.of(), unused, "metadata without resources");
  }

  @Test
  void listsExistingTypes() throws IOException {
    List<String> types = values("reflection", "type");
    assertFalse(types.isEmpty());
    for (String type : types) {
      assertDoesNotThrow(() -> Class.forName(type));
    }
  }
}
