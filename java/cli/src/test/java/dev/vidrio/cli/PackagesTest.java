package dev.vidrio.cli;

import static com.tngtech.archunit.base.DescribedPredicate.alwaysTrue;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.assignableTo;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ClassFileImporter;
import dev.vidrio.error.ModelException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Package dependencies of the modules of the command line. */
class PackagesTest {
  private static final List<String> MODULES =
      List.of("kernel", "kernel-java", "model", "lens", "engine", "micrometer", "server", "cli");

  /** Model exceptions are in the root package of their module, for users. */
  @Test
  void packagesHaveNoCycles() {
    List<Path> modules =
        MODULES.stream().map(module -> Path.of("..", module, "target", "classes")).toList();
    slices()
        .matching("dev.vidrio.(**)")
        .should()
        .beFreeOfCycles()
        .ignoreDependency(alwaysTrue(), assignableTo(ModelException.class))
        .check(new ClassFileImporter().importPaths(modules));
  }
}
