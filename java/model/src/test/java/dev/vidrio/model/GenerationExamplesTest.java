package dev.vidrio.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.model.testfiles.TinyAdapter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs the examples of the Javadoc. */
class GenerationExamplesTest {
  private static String printed(Consumer<PrintStream> example) {
    var bytes = new ByteArrayOutputStream();
    try (var out = new PrintStream(bytes, true, StandardCharsets.UTF_8)) {
      example.accept(out);
    }
    return bytes.toString(StandardCharsets.UTF_8);
  }

  @Test
  void generatesTextFromFile() {
    assertFalse(printed(out -> GenerationExamples.open(BardFiles.q8(), out)).isBlank());
  }

  @Test
  void continuesTexts() {
    try (Model model = Model.open(BardFiles.q8())) {
      String text = printed(out -> GenerationExamples.generate(model, out));
      assertFalse(text.isBlank() || text.contains("\n\n"), text);
      String line = printed(out -> GenerationExamples.stream(model, out));
      assertEquals(line, GenerationExamples.stream(model, System.out).text());
      assertTrue(line.contains("\n"), line);
      assertFalse(printed(out -> GenerationExamples.steps(model, out)).isBlank());
      assertTrue(Float.isFinite(GenerationExamples.session(model)));
    }
  }

  @Test
  void writesAndVerifiesReceipt(@TempDir Path directory) throws IOException {
    try (Model model = Model.open(BardFiles.q8())) {
      assertTrue(GenerationExamples.receipt(model, directory.resolve("receipt.json")).isVerified());
    }
  }

  @Test
  void sequencesUseTheirOwnAdapters(@TempDir Path directory) throws IOException {
    Path tiny = TinyModel.write(directory.resolve("tiny.gguf"), TinyModel.Options.standard());
    Path lora = TinyAdapter.write(directory.resolve("lora.gguf"), 4, 64, 1);
    int[] prompt = {1, 2, 3};
    try (Model model = Model.open(tiny);
        Session session = model.newSession(SessionOptions.DEFAULT)) {
      session.feed(session.newSequence(), prompt);
      List<Integer> next = GenerationExamples.adapters(model, lora, prompt);
      assertEquals(session.candidates(0).id(0), next.getFirst());
      assertNotEquals(next.getFirst(), next.getLast());
    }
  }

  @Test
  void chats(@TempDir Path directory) throws IOException {
    try (Model model = Model.open(TinyModel.writeChat(directory.resolve("tiny.gguf")))) {
      assertFalse(printed(out -> GenerationExamples.chat(model, out)).isBlank());
      assertFalse(GenerationExamples.answer(model).isBlank());
    }
  }

  @Test
  void reranks(@TempDir Path directory) throws IOException {
    try (Model model = Model.open(TinyModel.writeReranker(directory.resolve("tiny.gguf")))) {
      assertEquals(2, GenerationExamples.rerank(model, "sun", List.of("The sun", "Rain")).size());
    }
  }
}
