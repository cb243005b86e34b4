package dev.vidrio.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vidrio.model.testfiles.ScriptedModel;
import example.AnswerQuestions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs the job of docs/examples/spark as `spark-submit` does, on two threads of this process. */
class QuestionsExampleTest {
  private static final Map<String, String> CONFIGURATION =
      Map.of(
          "spark.master", "local[2]",
          "spark.ui.enabled", "false",
          "spark.driver.bindAddress", "127.0.0.1",
          "spark.driver.host", "127.0.0.1");

  @TempDir private Path directory;

  @BeforeEach
  void configure() {
    CONFIGURATION.forEach(System::setProperty);
  }

  @AfterEach
  void restore() {
    CONFIGURATION.keySet().forEach(System::clearProperty);
  }

  @Test
  void answersQuestions() throws IOException {
    Path model = ScriptedModel.write(directory.resolve("scripted.gguf"));
    Path questions =
        Files.writeString(
            directory.resolve("questions.jsonl"),
            """
            {"question": "What is the capital of Germany?"}
            {"question": "Say 'Hello World'"}
            """);
    Path answers = directory.resolve("answers");
    AnswerQuestions.main(new String[] {model.toString(), questions.toString(), answers.toString()});
    List<String> lines = new ArrayList<>();
    try (var parts = Files.newDirectoryStream(answers, "part-*.json")) {
      for (Path part : parts) {
        lines.addAll(Files.readAllLines(part));
      }
    }
    assertEquals(
        List.of(
            "{\"question\":\"What is the capital of Germany?\","
                + "\"answer\":\"The capital of Germany is Berlin.\"}",
            "{\"question\":\"Say 'Hello World'\","
                + "\"answer\":\"Hello, whole wide World, and others\"}"),
        lines);
  }
}
