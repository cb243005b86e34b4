package dev.vidrio.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.lang.foreign.AddressLayout;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * The metadata with which GraalVM compiles a call stub for each type of C function: derived from
 * the descriptors of the bindings. {@code -Dvidrio.update=true} rewrites the file.
 */
class NativeImageTest {
  private static final Path FILE =
      Path.of(
          "src/main/resources/META-INF/native-image/dev.vidrio/vidrio-bindings",
          "reachability-metadata.json");

  /** The bindings look their functions up when a descriptor is read. */
  @BeforeAll
  @SuppressWarnings("restricted") // the library of this build
  static void load() {
    System.load(Path.of(System.getProperty("vidrio.library.path")).toAbsolutePath().toString());
  }

  @Test
  void listsTheTypeOfEachFunction() throws Exception {
    String expected =
        """
        {
          "foreign": {
            "downcalls": [
        """
            + downcalls().stream().collect(Collectors.joining(",\n", "", "\n"))
            + """
                ]
              }
            }
            """;
    if (Boolean.getBoolean("vidrio.update")) {
      write(expected);
    }
    assertEquals(expected, Files.readString(FILE), "run with -Dvidrio.update=true");
  }

  private static void write(String text) throws IOException {
    Files.createDirectories(FILE.getParent());
    Files.writeString(FILE, text);
  }

  /** Returns the distinct types of functions, sorted. */
  private static Set<String> downcalls() throws ReflectiveOperationException {
    Set<String> calls = new TreeSet<>();
    for (Method method : Vidrio.class.getMethods()) {
      if (method.getReturnType() == FunctionDescriptor.class) {
        var descriptor = (FunctionDescriptor) method.invoke(null);
        String parameters =
            descriptor.argumentLayouts().stream()
                .map(layout -> '"' + name(layout) + '"')
                .collect(Collectors.joining(", "));
        calls.add(
            "      { \"returnType\": \"%s\", \"parameterTypes\": [%s] }"
                .formatted(
                    descriptor.returnLayout().map(NativeImageTest::name).orElse("void"),
                    parameters));
      }
    }
    return calls;
  }

  /** Returns GraalVM's name of a layout: that of the Java type, which all platforms share. */
  private static String name(MemoryLayout layout) {
    return switch (layout) {
      case AddressLayout _ -> "void*";
      case ValueLayout value -> "j" + value.carrier().getSimpleName();
      default -> throw new AssertionError("structs are passed by address: " + layout);
    };
  }
}
