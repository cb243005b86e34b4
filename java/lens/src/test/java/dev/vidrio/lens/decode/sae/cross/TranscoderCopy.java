package dev.vidrio.lens.decode.sae.cross;

import dev.vidrio.formats.safetensors.Dtype;
import dev.vidrio.formats.safetensors.SafetensorsWriter;
import dev.vidrio.formats.safetensors.SafetensorsWriter.Entry;
import dev.vidrio.formats.testfiles.SafetensorsFile;
import dev.vidrio.lens.decode.sae.DictionaryFixtures;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Writes a part of a cross-layer transcoder as a transcoder. */
final class TranscoderCopy {
  private TranscoderCopy() {}

  /** Writes the features of layer 0 with their decoders of this layer, as circuit-tracer does. */
  static void writeFirstLayer(Path from, Path directory) throws IOException {
    SafetensorsFile encoder = SafetensorsFile.read(from.resolve("W_enc_0.safetensors"));
    SafetensorsFile decoder = SafetensorsFile.read(from.resolve("W_dec_0.safetensors"));
    float[][] rows = DictionaryFixtures.rows(encoder, "W_enc_0");
    long features = rows.length;
    int width = rows[0].length;
    float[] all = decoder.floats("W_dec_0");
    int stride = all.length / rows.length;
    List<Entry> entries =
        List.of(
            new Entry("W_enc", Dtype.F32, List.of(features, (long) width)),
            new Entry("b_enc", Dtype.F32, List.of(features)),
            new Entry("W_dec", Dtype.F32, List.of(features, (long) width)),
            new Entry("b_dec", Dtype.F32, List.of((long) width)),
            new Entry("activation_function.threshold", Dtype.F32, List.of(features)));
    Path file = directory.resolve("layer_0.safetensors");
    try (var writer = SafetensorsWriter.create(file, entries, Map.of())) {
      writer.write("W_enc", encoder.floats("W_enc_0"));
      writer.write("b_enc", encoder.floats("b_enc_0"));
      writer.write("b_dec", encoder.floats("b_dec_0"));
      writer.write("activation_function.threshold", encoder.floats("threshold_0"));
      for (int f = 0; f < features; f++) {
        writer.write("W_dec", Arrays.copyOfRange(all, f * stride, f * stride + width));
      }
      writer.finish();
    }
    Files.copy(from.resolve("config.yaml"), directory.resolve("config.yaml"));
  }
}
