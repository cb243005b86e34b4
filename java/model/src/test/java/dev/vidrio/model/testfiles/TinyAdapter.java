package dev.vidrio.model.testfiles;

import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.testfiles.BlockEncoder;
import dev.vidrio.formats.testfiles.GgufWriter;
import dev.vidrio.formats.testfiles.TinyModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;

/** Writes adapters of {@link TinyModel} with random factors, in llama.cpp's format. */
public final class TinyAdapter {
  private TinyAdapter() {}

  /** The tensors of the standard model that adapters can update. */
  public static List<String> tensors(int layer) {
    return List.of("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
        .stream()
        .map(part -> "blk." + layer + "." + part + ".weight")
        .toList();
  }

  /** Returns a writer with the keys of an adapter and no tensors. */
  public static GgufWriter writer(float alpha) {
    return new GgufWriter()
        .string("general.architecture", "llama")
        .string("general.type", "adapter")
        .string("adapter.type", "lora")
        .float32("adapter.lora.alpha", alpha);
  }

  /** Adds random factors for a tensor of the standard model. */
  public static GgufWriter put(
      GgufWriter writer, String tensor, GgmlType type, int rank, SplittableRandom random) {
    int width = TinyModel.WIDTH;
    int k = tensor.contains("ffn_down") ? 2 * width : width;
    int n =
        tensor.contains("attn_k") || tensor.contains("attn_v")
            ? width / 2
            : tensor.contains("ffn_gate") || tensor.contains("ffn_up")
                ? 2 * width
                : tensor.equals("output.weight") ? TinyModel.VOCABULARY : width;
    put(writer, tensor + ".lora_a", type, random, k, rank);
    return put(writer, tensor + ".lora_b", type, random, rank, n);
  }

  /** Adds a tensor of random numbers. */
  public static GgufWriter put(
      GgufWriter writer,
      String name,
      GgmlType type,
      SplittableRandom random,
      int columns,
      int rows) {
    var values = new float[columns * rows];
    double spread = 1 / Math.sqrt(columns);
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (spread * (2 * random.nextDouble() - 1));
    }
    return writer.tensor(name, type, BlockEncoder.encode(type, values), columns, rows);
  }

  /** Writes an adapter of all matrices of all layers. */
  public static Path write(Path file, int rank, float alpha, long seed) throws IOException {
    var random = new SplittableRandom(seed);
    GgufWriter writer = writer(alpha);
    for (int layer = 0; layer < TinyModel.LAYERS; layer++) {
      tensors(layer).forEach(tensor -> put(writer, tensor, GgmlType.F32, rank, random));
    }
    return Files.write(file, writer.toBytes());
  }
}
