package dev.vidrio.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.model.testfiles.Snippets;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs the programs of docs/first-token.md and checks its artifacts. */
class FirstTokenTest {
  private static final Path ROOT = Path.of("../..");
  private static final Pattern VERSION = Pattern.compile("<version>(.*?)</version>");

  @TempDir Path directory;

  /** Returns the output of a program of the page for a model file. */
  private String run(int index, Path model) throws IOException, InterruptedException {
    String source = Snippets.of("docs/first-token.md").get(index);
    Path file = Files.writeString(directory.resolve("FirstToken.java"), source);
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Dvidrio.library.path=" + System.getProperty("vidrio.library.path"),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:TieredStopAtLevel=1",
                "--class-path",
                Snippets.classPath(),
                file.toString(),
                model.toString())
            .redirectError(directory.resolve("errors").toFile())
            .start();
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), Files.readString(directory.resolve("errors")));
    return out;
  }

  @Test
  @Tag("long")
  void firstProgramContinuesText() throws IOException, InterruptedException {
    try (Model model = Model.open(BardFiles.q8())) {
      String expected = model.generate("To be, or not to be").result().text();
      assertEquals(expected, run(0, BardFiles.q8()));
    }
  }

  @Test
  @Tag("long")
  void secondProgramChats() throws IOException, InterruptedException {
    assertFalse(run(1, TinyModel.writeChat(directory.resolve("tiny.gguf"))).isBlank());
  }

  @Test
  void bomListsTheLibrariesOfThisVersion() throws IOException {
    String bom = Files.readString(ROOT.resolve("java/bom/pom.xml"));
    String page = Files.readString(ROOT.resolve("docs/first-token.md"));
    String parent = Files.readString(ROOT.resolve("pom.xml"));
    for (String library : List.of("bindings", "kernel", "kernel-java", "bard", "model")) {
      assertTrue(bom.contains("<artifactId>vidrio-" + library + "</artifactId>"), library);
    }
    assertEquals(first(parent), first(bom));
    assertEquals(first(parent), first(page));
  }

  private static String first(String text) {
    Matcher version = VERSION.matcher(text);
    assertTrue(version.find());
    return version.group(1);
  }
}
