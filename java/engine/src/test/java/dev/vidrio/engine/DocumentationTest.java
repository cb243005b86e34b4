package dev.vidrio.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.model.Model;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.testfiles.Snippets;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Compiles the Java of the documentation and runs the examples of the Javadoc. */
@Timeout(300)
class DocumentationTest {
  private static final String MODEL =
      """
      import dev.vidrio.model.*;
      import dev.vidrio.model.adapter.*;
      import dev.vidrio.model.chat.*;
      import dev.vidrio.model.generation.*;
      import dev.vidrio.model.session.*;
      import dev.vidrio.grammar.*;
      import dev.vidrio.model.sampling.*;
      import dev.vidrio.template.*;
      import java.nio.file.*;
      import java.util.*;
      """;
  private static final String ENGINE =
      """
      import dev.vidrio.engine.*;
      import dev.vidrio.engine.generation.*;
      import dev.vidrio.lens.hook.*;
      """;

  @TempDir Path directory;

  @Test
  void enginePageCompiles() throws IOException, InterruptedException {
    String given =
        "Path file; Model model; Engine engine; int[] prompt; GenerationRequest request;"
            + " float[] direction;";
    Snippets.compile(Snippets.of("docs/engine.md"), MODEL + ENGINE, given, directory);
  }

  @Test
  void structuredOutputPageCompiles() throws IOException, InterruptedException {
    String given = "Model model; String schema; List<ChatMessage> messages;";
    Snippets.compile(Snippets.of("docs/structured-output.md"), MODEL, given, directory);
  }

  @Test
  void readmeCompiles() throws IOException, InterruptedException {
    Snippets.compile(Snippets.of("README.md"), MODEL, "", directory);
  }

  @Test
  void answersRequests() {
    String submitted = EngineExamples.submit(BardFiles.q8());
    try (Model model = Model.open(BardFiles.q8());
        Engine engine = Engine.open(model)) {
      GenerationOptions options = GenerationOptions.DEFAULT.withTokens(40);
      assertEquals(submitted, model.generate("To be, or not to be", options).result().text());
      GenerationRequest request =
          GenerationRequest.builder(model.tokenizer().encode("To be")).options(options).build();
      assertFalse(EngineExamples.stream(engine, request).join().text().isBlank());
    }
  }

  @Test
  void answersConversations() throws IOException {
    try (Model model = Model.open(TinyModel.writeChat(directory.resolve("tiny.gguf")));
        Engine engine = Engine.open(model)) {
      Completion completion = EngineExamples.chat(engine);
      assertTrue(completion.result().promptTokens() > 0);
      assertEquals(completion.result().text(), completion.text());
    }
  }
}
