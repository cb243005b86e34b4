package dev.vidrio.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.kernel.ffm.NativeException;
import dev.vidrio.model.generation.GenerationOptions;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** A model file that another program truncates while it is mapped. */
@EnabledOnOs(OS.LINUX)
class TruncatedModelTest {
  private static final GenerationOptions OPTIONS =
      GenerationOptions.DEFAULT.withTokens(3).withIgnoreEnd(true);

  @TempDir private Path directory;

  private Path write(String name) throws IOException {
    var options = TinyModel.Options.standard().withType(GgmlType.F32);
    return TinyModel.write(directory.resolve(name), options);
  }

  private static List<Integer> answer(Model model) {
    return model.generate(new int[] {1, 2, 3}, OPTIONS).result().tokens();
  }

  @Test
  void stepsFailAndOtherModelsAnswer() throws IOException {
    Path file = write("short.gguf");
    try (Model model = Model.open(file);
        Model other = Model.open(write("other.gguf"))) {
      List<Integer> expected = answer(other);
      assertEquals(expected, answer(model));
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
        var _ = channel.truncate(4096);
      }
      for (int again = 0; again < 2; again++) {
        var e = assertThrows(NativeException.class, () -> answer(model));
        String message = String.valueOf(e.getMessage());
        assertTrue(message.contains("a model file was truncated"), message);
        assertEquals(expected, answer(other));
      }
    }
    try (Model model = Model.open(write("short.gguf"))) {
      assertEquals(3, answer(model).size());
    }
  }
}
