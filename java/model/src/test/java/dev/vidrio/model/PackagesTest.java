package dev.vidrio.model;

import static com.tngtech.archunit.base.DescribedPredicate.alwaysTrue;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.assignableTo;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class PackagesTest {
  /** Errors lie where users look for them, in the package above all others. */
  @Test
  void dependOnEachOtherInOneDirectionButForErrors() {
    var classes = new ClassFileImporter().importPath(Path.of("target", "classes"));
    slices()
        .matching("dev.vidrio.(**)")
        .should()
        .beFreeOfCycles()
        .ignoreDependency(alwaysTrue(), assignableTo(ModelException.class))
        .check(classes);
  }
}
