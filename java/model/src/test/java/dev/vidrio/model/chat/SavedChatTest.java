package dev.vidrio.model.chat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.KvType;
import dev.vidrio.kernel.java.JavaExecutor;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.model.testfiles.TinyModels;
import dev.vidrio.model.testfiles.WatchedExecutor;
import dev.vidrio.template.ChatOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Compares saved conversations with those that continue in one process. */
class SavedChatTest {
  private static final String TEMPLATE =
      "{% for message in messages %}{{ message.content }}{% endfor %}";
  private static final GenerationOptions OPTIONS =
      GenerationOptions.DEFAULT
          .withTokens(9)
          .withIgnoreEnd(true)
          .withSampling(SamplingOptions.builder().temperature(1).seed(4).build());
  private static final List<String> TURNS = List.of("0123456789".repeat(9), "98765", "0:1;");

  @TempDir Path directory;

  private Path model(String name) throws IOException {
    return TinyModels.writeChat(directory.resolve(name + ".gguf"), name, TEMPLATE);
  }

  private static Chat newChat(Model model) {
    return model.newChat(ChatOptions.DEFAULT, OPTIONS, SessionOptions.DEFAULT);
  }

  private static Chat open(Model model, Path file) {
    return model.openChat(file, ChatOptions.DEFAULT, OPTIONS, SessionOptions.DEFAULT);
  }

  private static List<List<Integer>> answers(Model model) {
    List<List<Integer>> answers = new ArrayList<>();
    try (Chat chat = newChat(model)) {
      TURNS.forEach(turn -> answers.add(chat.send(turn).result().tokens()));
    }
    return answers;
  }

  /** Counts the tokens of all steps. */
  private static final class Counting extends WatchedExecutor {
    int tokens;

    @Override
    protected void onRun(Batch batch, int begin, int end) {
      tokens += begin == 0 ? batch.tokenCount() : 0;
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama", "qwen35", "lfm2"})
  void continuesWithTheSameBits(String name) throws IOException {
    Path path = model(name);
    Path file = directory.resolve("saved.chat");
    var counting = new Counting();
    try (Model model = Model.open(path, ModelOptions.with(() -> counting));
        Model scalar = Model.open(path, ModelOptions.with(() -> JavaExecutor.scalar(1)))) {
      List<List<Integer>> expected = answers(model);
      for (int turn = 0; turn < TURNS.size(); turn++) {
        try (Chat chat = turn == 0 ? newChat(model) : open(model, file)) {
          assertEquals(2 * turn, chat.messages().size());
          counting.tokens = 0;
          assertEquals(expected.get(turn), chat.send(TURNS.get(turn)).result().tokens());
          assertTrue(turn == 0 || counting.tokens < 60, counting.tokens + " tokens ran");
          chat.save(file);
          assertEquals(2 * turn + 2, chat.messages().size());
        }
        if (turn == 1) {
          try (Chat chat = open(scalar, file)) {
            assertEquals(expected.get(2), chat.send(TURNS.get(2)).result().tokens());
          }
        }
      }
    }
  }

  @Test
  void computesAgainWhatDoesNotFit() throws IOException {
    Path file = directory.resolve("saved.chat");
    try (Model model = Model.open(model("llama"))) {
      try (Chat chat = newChat(model)) {
        chat.save(file); // empty
      }
      try (Chat chat = open(model, file)) {
        var _ = chat.send(TURNS.getFirst()).result();
        chat.save(file);
      }
      var f16 = SessionOptions.DEFAULT.withKvType(KvType.F16);
      try (Chat chat = model.openChat(file, ChatOptions.DEFAULT, OPTIONS, f16);
          Chat same = model.newChat(ChatOptions.DEFAULT, OPTIONS, f16)) {
        same.setMessages(chat.messages());
        assertEquals(
            same.send(TURNS.get(1)).result().tokens(), chat.send(TURNS.get(1)).result().tokens());
      }
    }
  }

  private static void assertRejected(Model model, Path file, String message) {
    var e = assertThrows(ModelFileException.class, () -> open(model, file));
    assertTrue(e.getMessage().startsWith(file + ": " + message), e.getMessage());
  }

  @Test
  void rejectsOtherModelsAndDamagedFiles() throws IOException {
    Path file = directory.resolve("saved.chat");
    Path llama = model("llama");
    try (Model model = Model.open(llama);
        Model other = Model.open(model("qwen3"))) {
      assertRejected(model, file, "no such file");
      try (Chat chat = newChat(model)) {
        var _ = chat.send(TURNS.getFirst()).result();
        chat.save(file);
        assertThrows(UncheckedIOException.class, () -> chat.save(directory.resolve("no/saved")));
      }
      assertRejected(
          other, file, "model " + llama + ": the conversation is with this model, not with ");
      byte[] bytes = Files.readAllBytes(file);
      for (int i = 0; i < bytes.length; i += Math.max(1, i / 40)) {
        byte[] changed = bytes.clone();
        changed[i] ^= 1;
        Files.write(file, changed);
        assertRejected(model, file, "is not a whole conversation: ");
      }
      for (int length : new int[] {0, 7, 19, 40, bytes.length - 1}) {
        Files.write(file, Arrays.copyOf(bytes, length));
        assertRejected(model, file, "is not a whole conversation: ");
      }
      Files.write(file, bytes);
      open(model, file).close();
    }
  }
}
