package dev.vidrio.quarkus.deployment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.fail;

import dev.vidrio.error.ModelFileException;
import io.quarkus.test.QuarkusUnitTest;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class StartTest {
  @RegisterExtension
  static final QuarkusUnitTest APPLICATION =
      new QuarkusUnitTest()
          .withEmptyApplication()
          .overrideRuntimeConfigKey("vidrio.model", "/none.gguf")
          .assertException(
              error -> {
                // The application has a class loader of its own, so classes are equal by name.
                Throwable cause = error;
                while (!cause.getClass().getName().equals(ModelFileException.class.getName())) {
                  cause = Objects.requireNonNull(cause.getCause(), error::toString);
                }
                assertEquals("/none.gguf: no such file", cause.getMessage());
              });

  @Test
  void failsIfTheFileIsMissing() {
    fail("started");
  }
}
