package dev.vidrio.model.testfiles;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Compiles the Java code blocks of a documentation page. */
public final class Snippets {
  private static final Path ROOT = Path.of("../..");
  private static final Pattern JAVA =
      Pattern.compile("^```java\n(.*?)^```", Pattern.DOTALL | Pattern.MULTILINE);

  private Snippets() {}

  /** Returns the Java code blocks of a page. */
  public static List<String> of(String page) throws IOException {
    return JAVA.matcher(Files.readString(ROOT.resolve(page)))
        .results()
        .map((MatchResult block) -> block.group(1))
        .toList();
  }

  /**
   * Compiles code blocks, each as the body of a method of its own class after the imports with
   * which it begins, on the class path of the test.
   *
   * @param imports imports to add
   * @param given declarations that the page assumes
   * @param directory an empty directory for the classes
   */
  public static void compile(List<String> blocks, String imports, String given, Path directory)
      throws IOException, InterruptedException {
    assertFalse(blocks.isEmpty());
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "javac").toString(),
                "-J-XX:TieredStopAtLevel=1",
                "-proc:none",
                "-d",
                directory.toString(),
                "--class-path",
                classPath()));
    for (int i = 0; i < blocks.size(); i++) {
      Map<Boolean, String> parts =
          blocks
              .get(i)
              .lines()
              .collect(
                  Collectors.partitioningBy(
                      line -> line.startsWith("import "), Collectors.joining("\n")));
      String source =
          "%s%s\nabstract class Snippet%d {\n%s\nvoid run() throws Exception {\n%s\n}\n}\n"
              .formatted(imports, parts.get(true), i, given, parts.get(false));
      Path file = directory.resolve("Snippet" + i + ".java");
      command.add(Files.writeString(file, source).toString());
    }
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String errors = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), errors);
  }

  /** Returns the class path of the test. */
  public static String classPath() {
    return Stream.of("jdk.module.path", "java.class.path")
        .map(System::getProperty)
        .filter(path -> path != null && !path.isEmpty())
        .collect(Collectors.joining(File.pathSeparator));
  }
}
