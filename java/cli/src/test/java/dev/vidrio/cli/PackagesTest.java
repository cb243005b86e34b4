package dev.vidrio.cli;

import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Package dependencies of the modules of the command line. */
class PackagesTest {
  private static final List<String> MODULES =
      List.of(
          "error",
          "formats",
          "tokenizer",
          "template",
          "grammar",
          "hub",
          "kernel",
          "kernel-java",
          "model",
          "lens",
          "engine",
          "micrometer",
          "server",
          "cli");

  @Test
  void packagesHaveNoCycles() {
    List<Path> modules =
        MODULES.stream().map(module -> Path.of("..", module, "target", "classes")).toList();
    slices()
        .matching("dev.vidrio.(**)")
        .should()
        .beFreeOfCycles()
        .check(new ClassFileImporter().importPaths(modules));
  }
}
