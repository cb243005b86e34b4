package dev.vidrio.bindings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.IOException;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The checked-in bindings and the header say the same. What the header declares is read from its
 * text; how the compiler lays it out is asked from the compiler, by a program made from the
 * bindings. When this fails after a change of the header, run bindings/jextract/regenerate.sh.
 */
class BindingsTest {
  private static final Path INCLUDE = Path.of("../native/include");
  private static final Path HEADER = INCLUDE.resolve("vidrio.h");

  @TempDir Path directory;

  @Test
  void functionsAreThoseOfTheHeader() throws IOException {
    assertEquals(
        declared("VD_API[^;]*?\\b(vd_\\w+)\\("),
        methods(method -> method.getName().startsWith("vd_") && !method.getName().contains("$")));
  }

  @Test
  void constantsAreThoseOfTheHeader() throws IOException {
    assertEquals(
        declared("(?m)^ {4}(VD_\\w+) = -?\\d+,?|^#define (VD_VERSION) "),
        methods(method -> method.getName().startsWith("VD_") && method.getParameterCount() == 0));
  }

  @Test
  void structsAreThoseOfTheHeader() throws IOException {
    Set<String> bound = new TreeSet<>();
    for (Class<?> struct : structs()) {
      bound.add(struct.getSimpleName());
    }
    assertEquals(declared("typedef struct (vd_\\w+) \\{"), bound);
  }

  @Test
  void valuesAndLayoutsAreThoseOfTheCompiler() throws Exception {
    Map<String, String> bound = new TreeMap<>();
    for (Class<?> struct : structs()) {
      GroupLayout layout = (GroupLayout) struct.getMethod("layout").invoke(null);
      bound.put("sizeof(" + struct.getSimpleName() + ")", Long.toString(layout.byteSize()));
      addOffsets(bound, struct.getSimpleName(), "", layout, 0);
    }
    for (Method method : Vidrio.class.getMethods()) {
      if (method.getName().startsWith("VD_") && method.getReturnType() == int.class) {
        bound.put("(long)" + method.getName(), method.invoke(null).toString());
      }
    }
    assertFalse(bound.isEmpty());
    assertEquals(bound, compiled(bound.keySet()));
  }

  @Test
  void versionIsThatOfTheHeader() throws IOException {
    MemorySegment version = Vidrio.VD_VERSION();
    assertEquals(declared("#define VD_VERSION \"([^\"]+)\""), Set.of(version.getString(0)));
  }

  /** Offsets of all members, those of nested structs and unions included. */
  private static void addOffsets(
      Map<String, String> offsets, String type, String prefix, GroupLayout layout, long base) {
    for (MemoryLayout member : layout.memberLayouts()) {
      if (member.name().isEmpty()) {
        continue; // padding
      }
      String name = prefix + member.name().get();
      long offset = base + layout.byteOffset(PathElement.groupElement(member.name().get()));
      offsets.put("offsetof(" + type + ", " + name + ")", Long.toString(offset));
      if (member instanceof GroupLayout group) {
        addOffsets(offsets, type, name + ".", group, offset);
      }
    }
  }

  /** The values of C expressions. */
  private Map<String, String> compiled(Set<String> expressions) throws Exception {
    String prints =
        expressions.stream()
            .map(e -> "  printf(\"%s=%ld\\n\", \"" + e + "\", (long)(" + e + "));\n")
            .collect(Collectors.joining());
    Path source = directory.resolve("layout.c");
    Files.writeString(
        source,
        """
        #include <stddef.h>
        #include <stdio.h>
        #include "vidrio.h"
        int main(void) {
        """
            + prints
            + "  return 0;\n}\n");
    Path program = directory.resolve("layout");
    run("cc", "-std=c17", "-I", INCLUDE.toString(), "-o", program.toString(), source.toString());
    Map<String, String> values = new TreeMap<>();
    run(program.toString())
        .lines()
        .forEach(
            line -> {
              int equals = line.lastIndexOf('=');
              values.put(line.substring(0, equals), line.substring(equals + 1));
            });
    return values;
  }

  private static String run(String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), () -> Arrays.toString(command) + ": " + output);
    return output;
  }

  private static Set<String> declared(String pattern) throws IOException {
    String header = Files.readString(HEADER).replaceAll("//[^\n]*", "");
    return Pattern.compile(pattern, Pattern.DOTALL)
        .matcher(header)
        .results()
        .map(match -> match.group(1) != null ? match.group(1) : match.group(2))
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private static Set<String> methods(Predicate<Method> wanted) {
    return Arrays.stream(Vidrio.class.getMethods())
        .filter(wanted)
        .map(Method::getName)
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private static Set<Class<?>> structs() throws IOException {
    Path sources = Path.of("src/main/java/dev/vidrio/bindings");
    try (var files = Files.list(sources)) {
      return files
          .map(file -> file.getFileName().toString().replace(".java", ""))
          .filter(name -> name.startsWith("vd_"))
          .map(BindingsTest::load)
          .collect(Collectors.toSet());
    }
  }

  private static Class<?> load(String name) {
    try {
      return Class.forName("dev.vidrio.bindings." + name);
    } catch (ClassNotFoundException e) {
      throw new AssertionError(e);
    }
  }
}
