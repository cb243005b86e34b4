package dev.vidrio.quarkus.deployment;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import example.AnswerResource;
import io.quarkus.devui.tests.DevUIJsonRPCTest;
import io.quarkus.test.QuarkusDevModeTest;
import org.jboss.shrinkwrap.api.asset.StringAsset;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Runs an application in dev mode, and reads the data of the Dev UI. */
@Tag("long")
class DevUiTest extends DevUIJsonRPCTest {
  @RegisterExtension
  static final QuarkusDevModeTest SERVICE =
      new QuarkusDevModeTest()
          .withApplicationRoot(
              archive ->
                  archive
                      .addClass(AnswerResource.class)
                      .addAsResource(
                          new StringAsset(
                              "vidrio.model=" + TestModel.path() + "\nvidrio.cache-size=1M\n"),
                          "application.properties"));

  DevUiTest() {
    super("vidrio-quarkus");
  }

  @Test
  void showsTheEngine() throws Exception {
    assertEquals("scripted.gguf", executeJsonRPCMethod(String.class, "model"));
    JsonNode status = executeJsonRPCMethod("status");
    assertEquals(TestModel.path(), status.get("Model").asText());
    assertEquals(0, status.get("Running requests").asInt());
    assertEquals("yes", status.get("Accepts requests").asText());
  }
}
