package dev.vidrio.langchain4j;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vidrio.engine.RerankingEngine;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.model.Model;
import dev.vidrio.model.testfiles.ScriptedModel;
import example.Retrieval;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs the program of docs/examples/retrieval. */
class RetrievalExampleTest {
  private static final String QUESTION = "What is the capital of Germany?";
  private static final List<String> PARAGRAPHS =
      List.of("The moon", "The sun", "Rain", "Wind", "Snow");

  @TempDir private Path directory;

  @Test
  void answersFromTheParagraphsThatTheRerankerPrefers() throws IOException {
    Path reranker = TinyModel.writeReranker(directory.resolve("reranker.gguf"));
    Path chat = ScriptedModel.write(directory.resolve("chat.gguf"));
    Path text =
        Files.writeString(directory.resolve("text.txt"), String.join("\n\n", PARAGRAPHS) + "\n");
    var expected = new StringBuilder("The capital of Germany is Berlin.\n");
    try (Model model = Model.open(reranker);
        var engine = new RerankingEngine(model)) {
      engine
          .rerank(QUESTION, PARAGRAPHS)
          .best(3)
          .forEach(
              ranked ->
                  expected.append(
                      "%n[%.3f] %s%n".formatted(ranked.score(), PARAGRAPHS.get(ranked.index()))));
    }
    assertEquals(
        expected.toString(),
        output(BardFiles.q8().toString(), reranker.toString(), chat.toString(), text.toString()));
  }

  /** Returns the output of the program for the question. */
  private static String output(String embedder, String reranker, String chat, String text)
      throws IOException {
    PrintStream out = System.out;
    var bytes = new ByteArrayOutputStream();
    System.setOut(new PrintStream(bytes, true, StandardCharsets.UTF_8));
    try {
      Retrieval.main(new String[] {embedder, reranker, chat, text, QUESTION});
    } finally {
      System.setOut(out);
    }
    return bytes.toString(StandardCharsets.UTF_8);
  }
}
