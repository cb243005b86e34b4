package dev.vidrio.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.kernel.weight.Repacking;
import dev.vidrio.model.adapter.Adapter;
import dev.vidrio.model.chat.Chat;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.model.testfiles.ScarceExecutor;
import dev.vidrio.model.testfiles.TinyAdapter;
import dev.vidrio.template.ChatOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Denies each allocation of native memory in turn. Then an {@link OutOfMemoryError} ends the work,
 * no memory is left, and the next attempt has the usual result.
 */
class MemoryFaultTest {
  private static final GenerationOptions OPTIONS =
      GenerationOptions.DEFAULT.withTokens(5).withIgnoreEnd(true);

  @TempDir private Path directory;
  private Path file;

  @BeforeEach
  void writeModel() throws IOException {
    file = TinyModel.writeChat(directory.resolve("tiny.gguf"));
  }

  private static List<Integer> answer(Model model) {
    return model.generate("a", OPTIONS).result().tokens();
  }

  /** A failed opening closes the executor, so each has one of its own. */
  @ParameterizedTest
  @EnumSource(Repacking.class)
  void opensModels(Repacking repacking) {
    List<Integer> expected;
    try (Model model = Model.open(file)) {
      expected = answer(model);
    }
    for (int allocations = 0; ; allocations++) {
      var executor = new ScarceExecutor();
      executor.denyAfter(allocations);
      var options = ModelOptions.with(() -> executor).withRepacking(repacking);
      try (Model model = Model.open(file, options)) {
        executor.denyAfter(Integer.MAX_VALUE);
        assertEquals(expected, answer(model));
      } catch (OutOfMemoryError e) {
        assertEquals(ScarceExecutor.MESSAGE, e.getMessage());
      }
      assertEquals(0, executor.living(), "after allocation " + allocations);
      if (!executor.hasDenied()) {
        assertTrue(repacking != Repacking.AT_ONCE || allocations > 0);
        return;
      }
    }
  }

  @Test
  void generatesText() throws Exception {
    var executor = new ScarceExecutor();
    try (Model model = Model.open(file, ModelOptions.with(() -> executor))) {
      int allocations = executor.denyEach(() -> answer(model));
      assertTrue(allocations > 1, () -> allocations + " allocations");
    }
    assertEquals(0, executor.living());
  }

  @Test
  void savesAndOpensChats() throws Exception {
    var executor = new ScarceExecutor();
    Path saved = directory.resolve("chat");
    try (Model model = Model.open(file, ModelOptions.with(() -> executor))) {
      executor.denyEach(
          () -> {
            try (Chat chat = model.newChat(ChatOptions.DEFAULT, OPTIONS, SessionOptions.DEFAULT)) {
              var _ = chat.send("a").result();
              chat.save(saved);
            }
            try (Chat chat =
                model.openChat(saved, ChatOptions.DEFAULT, OPTIONS, SessionOptions.DEFAULT)) {
              return chat.send("b").result().tokens();
            }
          });
    }
    assertEquals(0, executor.living());
  }

  @Test
  void opensAdapters() throws Exception {
    var executor = new ScarceExecutor();
    Path adapter = TinyAdapter.write(directory.resolve("adapter.gguf"), 4, 8, 1);
    try (Model model = Model.open(file, ModelOptions.with(() -> executor))) {
      executor.denyEach(
          () -> {
            try (Adapter opened = model.openAdapter(adapter)) {
              return opened.rank();
            }
          });
    }
    assertEquals(0, executor.living());
  }
}
