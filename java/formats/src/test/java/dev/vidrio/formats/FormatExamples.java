package dev.vidrio.formats;

import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.gguf.GgufTensor;
import dev.vidrio.formats.gguf.Metadata;
import dev.vidrio.formats.safetensors.Dtype;
import dev.vidrio.formats.safetensors.Safetensors;
import dev.vidrio.formats.safetensors.SafetensorsTensor;
import dev.vidrio.formats.safetensors.SafetensorsWriter;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** The examples of the documentation; {@link FormatExamplesTest} runs them. */
final class FormatExamples {
  private FormatExamples() {}

  static void gguf(Path file, PrintStream out) {
    // @start region="gguf"
    try (Arena arena = Arena.ofShared()) {
      Gguf gguf = Gguf.open(file, arena);
      int layers = gguf.metadata().intValue("llama.block_count", 1, 512);
      GgufTensor embedding = gguf.tensor("token_embd.weight");
      out.println(layers + " layers, " + embedding); // 8 layers, token_embd.weight Q8_0 [256, …]
      out.println(embedding.data().byteSize() + " bytes");
    }
    // @end
  }

  static float metadata(Metadata metadata) {
    // @start region="metadata"
    String architecture = metadata.string("general.architecture");
    int width = metadata.intValue(architecture + ".embedding_length", 1, 1 << 20);
    float base = metadata.floatValue(architecture + ".rope.freq_base", 1, 1e9f, 10_000);
    // @end
    return width + base;
  }

  static void safetensors(Path file, PrintStream out) {
    // @start region="safetensors"
    try (Arena arena = Arena.ofShared()) {
      for (SafetensorsTensor tensor : Safetensors.open(file, arena).tensors()) {
        out.println(tensor); // such as: lm_head.weight BF16 [49152, 576]
      }
    }
    // @end
  }

  static void write(Path file, float[] firstRows, float[] nextRows) throws IOException {
    long rows = 2;
    long columns = 3;
    // @start region="write"
    var logits = new SafetensorsWriter.Entry("logits", Dtype.F32, List.of(rows, columns));
    try (var writer = SafetensorsWriter.create(file, List.of(logits), Map.of())) {
      writer.write("logits", firstRows);
      writer.write("logits", nextRows);
      writer.finish();
    }
    // @end
  }
}
