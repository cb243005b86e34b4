package dev.vidrio.kernel.op;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/**
 * The metadata of the records that {@link OperandReplacement} reads and constructs by reflection,
 * for GraalVM. {@code -Dvidrio.update=true} rewrites the file.
 */
class NativeImageTest {
  private static final Path FILE =
      Path.of(
          "src/main/resources/META-INF/native-image/dev.vidrio/vidrio-kernel",
          "reachability-metadata.json");

  @Test
  void listsTheRecordsOfOperations() throws IOException {
    Set<String> types = new TreeSet<>();
    add(types, Op.class);
    types.add(SequenceOp.Recurrence.Inputs.class.getName());
    String expected =
        """
        {
          "reflection": [
        """
            + types.stream().map(NativeImageTest::entry).collect(Collectors.joining(",\n"))
            + """

              ],
              "resources": [
                { "glob": "META-INF/native/**" }
              ]
            }
            """;
    if (Boolean.getBoolean("vidrio.update")) {
      Files.createDirectories(FILE.getParent());
      Files.writeString(FILE, expected);
    }
    assertEquals(expected, Files.readString(FILE), "run with -Dvidrio.update=true");
  }

  /** Adds the records of a sealed type. */
  private static void add(Set<String> records, Class<?> type) {
    if (type.isRecord()) {
      records.add(type.getName());
    } else {
      for (Class<?> permitted : type.getPermittedSubclasses()) {
        add(records, permitted);
      }
    }
  }

  private static String entry(String type) {
    return "    { \"type\": \"%s\", \"allDeclaredConstructors\": true, \"allPublicMethods\": true }"
        .formatted(type);
  }
}
