package dev.vidrio.model.block;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.ModelException;
import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.gguf.GgufTensor;
import dev.vidrio.formats.testfiles.GgufWriter;
import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Old files of mixtures have a tensor for each expert's matrix. */
class SplitExpertsTest {

  private static final int EXPERTS = 3;

  @TempDir private Path directory;

  private static GgufWriter writer(GgmlType type) {
    return TinyModel.writer(TinyModel.Options.standard().withType(type).withExperts(EXPERTS));
  }

  /** Takes the tensors of experts apart. */
  private static GgufWriter split(GgufWriter writer) {
    Gguf gguf = Gguf.parse("whole", MemorySegment.ofArray(writer.toBytes()));
    for (GgufTensor tensor : gguf.tensors()) {
      if (tensor.name().endsWith("_exps.weight")) {
        writer.removeTensor(tensor.name());
        byte[] data = tensor.data().toArray(ValueLayout.JAVA_BYTE);
        int bytes = data.length / EXPERTS;
        for (int e = 0; e < EXPERTS; e++) {
          byte[] expert = Arrays.copyOfRange(data, e * bytes, (e + 1) * bytes);
          String name = tensor.name().replace("_exps", "." + e);
          writer.tensor(name, tensor.type(), expert, tensor.dim(0), tensor.dim(1));
        }
      }
    }
    return writer;
  }

  private Path write(GgufWriter writer) throws IOException {
    return Files.write(Files.createTempFile(directory, "model", ".gguf"), writer.toBytes());
  }

  private static float[] logits(Path path) {
    try (Model model = Model.open(path);
        Session session = model.newSession(SessionOptions.DEFAULT)) {
      int[] tokens = {1, 2, 3, 100, 200};
      return session.feed(session.newSequence(), tokens).toArray(ValueLayout.JAVA_FLOAT);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"F32", "Q8_0"})
  void giveTheSameLogits(GgmlType type) throws IOException {
    assertArrayEquals(logits(write(writer(type))), logits(write(split(writer(type)))));
  }

  @Test
  void areAllThereAndAlike() throws IOException {
    String name = "blk.1.ffn_up.2.weight";
    assertRefused(name, split(writer(GgmlType.F32)).removeTensor(name));
    Gguf halves = Gguf.parse("f16", MemorySegment.ofArray(split(writer(GgmlType.F16)).toBytes()));
    GgufTensor other = halves.tensor(name);
    byte[] data = other.data().toArray(ValueLayout.JAVA_BYTE);
    GgufWriter mixed = split(writer(GgmlType.F32)).removeTensor(name);
    assertRefused(
        "first expert", mixed.tensor(name, GgmlType.F16, data, other.dim(0), other.dim(1)));
    GgufWriter more = split(writer(GgmlType.F16));
    String fourth = "blk.1.ffn_up.3.weight";
    assertRefused(fourth, more.tensor(fourth, GgmlType.F16, data, other.dim(0), other.dim(1)));
  }

  private void assertRefused(String expected, GgufWriter writer) throws IOException {
    Path path = write(writer);
    String message =
        assertThrows(ModelException.class, () -> Model.open(path).close()).getMessage();
    assertTrue(message.contains(expected), message);
    assertTrue(List.of(message.split("\\n", -1)).size() <= 2, message);
  }
}
