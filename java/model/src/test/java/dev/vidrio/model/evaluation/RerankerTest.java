package dev.vidrio.model.evaluation;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.formats.testfiles.GgufWriter;
import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.tokenizer.EncodeOptions;
import dev.vidrio.tokenizer.EncodedPair;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RerankerTest {
  private static final String TASK =
      "Judge whether the Document meets the requirements based on the Query and the Instruct"
          + " provided. Note that the answer can only be \"yes\" or \"no\".";

  @TempDir private static Path directory;
  private static Model model;

  @BeforeAll
  static void open() throws IOException {
    model = Model.open(TinyModel.writeReranker(directory.resolve("tiny.gguf")));
  }

  @AfterAll
  static void close() {
    model.close();
  }

  private static String prompt(String instruction, String query, String document) {
    return "<|endoftext|>s:"
        + TASK
        + "\nu:<Instruct>: "
        + instruction
        + "\n<Query>: "
        + query
        + "\n<Document>: "
        + document
        + "\na:";
  }

  private static Model open(String name, GgufWriter writer) throws IOException {
    return Model.open(Files.write(directory.resolve(name), writer.toBytes()));
  }

  @Test
  void asksByTheChatTemplate() {
    EncodedPair pair = Reranker.of(model, "Find it").encode("sun", "The <|endoftext|> sun");
    String expected = prompt("Find it", "sun", "The <|endoftext|> sun");
    assertEquals(expected, model.tokenizer().decode(pair.ids()));
    // The name of a special token in the document is plain text.
    assertEquals(1, Arrays.stream(pair.ids()).filter(id -> id == 0).count());
    assertArrayEquals(new int[pair.size()], pair.types());
  }

  @Test
  void scoresByTheLogitsOfYesAndNo() {
    Reranker reranker = Reranker.of(model);
    List<EncodedPair> pairs = new ArrayList<>();
    for (String document : List.of("The sun", "", "a much longer document about the sun")) {
      pairs.add(reranker.encode("sun", document));
    }
    List<Double> scores = reranker.scores(pairs, SessionOptions.DEFAULT, done -> {});
    int yes = model.tokenizer().token("yes");
    int no = model.tokenizer().token("no");
    for (int i = 0; i < pairs.size(); i++) {
      EncodedPair pair = pairs.get(i);
      try (Session session = model.newSession(new SessionOptions(1024, 1024, 1, 1))) {
        Sequence sequence = session.newSequence();
        session.begin();
        int[] ids = pair.ids();
        for (int k = 0; k < ids.length; k++) {
          session.add(sequence, ids[k], k == ids.length - 1);
        }
        session.run();
        double a = Math.exp(session.logits(0).getAtIndex(JAVA_FLOAT, yes));
        double b = Math.exp(session.logits(0).getAtIndex(JAVA_FLOAT, no));
        assertEquals(a / (a + b), scores.get(i), 1e-12);
      }
      assertEquals(
          scores.get(i),
          reranker.scores(List.of(pair), SessionOptions.DEFAULT, done -> {}).getFirst());
    }
  }

  @Test
  void cutsDocuments() {
    Reranker reranker = Reranker.of(model);
    EncodedPair whole = reranker.encode("sun", "é".repeat(30));
    EncodedPair cut = reranker.encode("sun", "é".repeat(30), whole.size() - 5);
    String text = model.tokenizer().decode(cut.ids());
    assertEquals(prompt(Reranker.DEFAULT_INSTRUCTION, "sun", "é".repeat(27)), text);
    int empty = reranker.encode("sun", "").size();
    assertEquals(empty, reranker.encode("sun", "abc", empty).size());
    assertEquals(
        "query "
            + empty
            + " tokens: must have at most "
            + (empty - 1)
            + " with the model's prompt and an empty document",
        assertThrows(InvalidInputException.class, () -> reranker.encode("sun", "abc", empty - 1))
            .getMessage());
  }

  @Test
  void rejectsPairsThatExceedTheContext() {
    Reranker reranker = Reranker.of(model);
    List<EncodedPair> pairs =
        List.of(reranker.encode("a", "b"), reranker.encode("a", "b".repeat(2000)));
    String message =
        assertThrows(
                InvalidInputException.class,
                () -> reranker.scores(pairs, SessionOptions.DEFAULT, done -> {}))
            .getMessage();
    assertTrue(message.startsWith("document 1 "), message);
    assertTrue(message.endsWith("must have at most 1024 with its query"), message);
  }

  @Test
  void readsThePromptOfTheFile() throws IOException {
    GgufWriter writer =
        TinyModel.withUserDefined(TinyModel.chatWriter(), "yes", "no")
            .string("tokenizer.chat_template.rerank", "<|endoftext|>x\nQ {query}! D {document}\nA");
    try (Model other = open("prompt.gguf", writer)) {
      EncodedPair pair = Reranker.of(other).encode("sun", "<|endoftext|>");
      assertEquals(
          "<|endoftext|>x\nQ sun! D <|endoftext|>\nA", other.tokenizer().decode(pair.ids()));
      int[] expected =
          other.tokenizer().encode("Q sun! D <|endoftext|>", new EncodeOptions(false, false));
      int[] actual = Arrays.copyOfRange(pair.ids(), 3, 3 + expected.length);
      assertArrayEquals(expected, actual);
    }
    writer.string("tokenizer.chat_template.rerank", "{document} {query}");
    try (Model other = open("order.gguf", writer)) {
      assertRejected(other, "key 'tokenizer.chat_template.rerank' without {query} and {document}");
    }
  }

  @Test
  void asksWithoutSystemMessageIfTheTemplateRejectsIt() throws IOException {
    GgufWriter writer =
        TinyModel.withUserDefined(TinyModel.chatWriter(), "yes", "no")
            .string(
                "tokenizer.chat_template",
                "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no') }}"
                    + "{% endif %}{{ m.content }}{% endfor %}{% if enable_thinking %}<think>"
                    + "{% endif %}");
    try (Model other = open("user.gguf", writer)) {
      EncodedPair pair = Reranker.of(other, "Find").encode("q", "d");
      assertEquals(
          TASK + "\n<Instruct>: Find\n<Query>: q\n<Document>: d",
          other.tokenizer().decode(pair.ids()));
    }
    writer.string(
        "tokenizer.chat_template", "{% for m in messages %}{{ m.content }}{% endfor %}<think>\n");
    try (Model other = open("thinker.gguf", writer)) {
      assertRejected(other, "reranking with this chat template is not supported");
    }
  }

  @Test
  void rejectsOtherModelsByName() throws IOException {
    try (Model bard = Model.open(BardFiles.q8());
        Model mute = open("mute.gguf", TinyModel.chatWriter())) {
      assertRejected(bard, "reranking is not supported: supported: chat models");
      assertRejected(mute, "reranking without tokens \"yes\" and \"no\" is not supported");
    }
  }

  private static void assertRejected(Model model, String expected) {
    String message =
        assertThrows(UnsupportedModelException.class, () -> Reranker.of(model)).getMessage();
    assertTrue(message.contains(expected), message);
  }
}
