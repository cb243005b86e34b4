package dev.vidrio.lens.decode.sae.cross;

import dev.vidrio.formats.file.AtomicFile;
import dev.vidrio.formats.file.CreatedDirectories;
import dev.vidrio.formats.safetensors.Dtype;
import dev.vidrio.formats.safetensors.SafetensorsWriter;
import dev.vidrio.formats.safetensors.SafetensorsWriter.Entry;
import dev.vidrio.kernel.hook.HookPoint;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;

/** Writes a cross-layer transcoder as circuit-tracer does, with {@code config.yaml}. */
final class CrossLayerFiles {
  private CrossLayerFiles() {}

  /** Writes the files into a directory, which is created if missing, all or none. */
  static void write(Path directory, CrossTrainer trainer, ActivationSources sources, String model)
      throws IOException {
    List<SafetensorsWriter> writers = new ArrayList<>();
    try (var _ = CreatedDirectories.of(directory);
        var config = AtomicFile.create(directory.resolve("config.yaml"))) {
      for (int l = 0; l < trainer.layout().groups().size(); l++) {
        CrossTrainer.Folded folded = trainer.folded(l, false);
        writers.add(encoder(directory, trainer, l, folded));
        writers.add(decoder(directory, trainer, l, folded));
      }
      byte[] yaml = config(sources, model).getBytes(StandardCharsets.UTF_8);
      config.write(ByteBuffer.wrap(yaml), 0);
      SafetensorsWriter.finishAfter(config, writers);
    } finally {
      for (SafetensorsWriter writer : writers) {
        writer.close();
      }
    }
  }

  private static String config(ActivationSources sources, String model) {
    HookPoint in = sources.inputs().getFirst();
    HookPoint out = sources.outputs().getFirst();
    return """
    model_name: %s
    model_kind: "cross_layer_transcoder"
    feature_input_hook: "%s"
    feature_output_hook: "%s"
    """
        .formatted(
            JsonMapper.shared().writeValueAsString(model), in.site().suffix(), out.site().suffix());
  }

  private static SafetensorsWriter encoder(
      Path directory, CrossTrainer trainer, int layer, CrossTrainer.Folded folded)
      throws IOException {
    long features = folded.encoder.length;
    int width = trainer.layout().width();
    List<Entry> entries = new ArrayList<>();
    entries.add(new Entry("W_enc_" + layer, Dtype.F32, List.of(features, (long) width)));
    entries.add(new Entry("b_enc_" + layer, Dtype.F32, List.of(features)));
    entries.add(new Entry("b_dec_" + layer, Dtype.F32, List.of((long) width)));
    float[] thresholds = folded.thresholds;
    if (thresholds != null) {
      entries.add(new Entry("threshold_" + layer, Dtype.F32, List.of(features)));
    }
    return write(
        directory.resolve("W_enc_" + layer + ".safetensors"),
        entries,
        writer -> {
          for (float[] row : folded.encoder) {
            writer.write("W_enc_" + layer, row);
          }
          writer.write("b_enc_" + layer, folded.bias);
          float[] bias = trainer.foldedOutputBias();
          writer.write(
              "b_dec_" + layer, Arrays.copyOfRange(bias, layer * width, (layer + 1) * width));
          if (thresholds != null) {
            writer.write("threshold_" + layer, thresholds);
          }
        });
  }

  private static SafetensorsWriter decoder(
      Path directory, CrossTrainer trainer, int layer, CrossTrainer.Folded folded)
      throws IOException {
    String name = "W_dec_" + layer;
    long width = trainer.layout().width();
    long outputs = folded.decoder[0].length / width;
    return write(
        directory.resolve(name + ".safetensors"),
        List.of(new Entry(name, Dtype.F32, List.of((long) folded.decoder.length, outputs, width))),
        writer -> {
          for (float[] row : folded.decoder) {
            writer.write(name, row);
          }
        });
  }

  private interface Content {
    void write(SafetensorsWriter writer) throws IOException;
  }

  /** Returns a file that is complete but for its name. */
  private static SafetensorsWriter write(Path file, List<Entry> entries, Content content)
      throws IOException {
    SafetensorsWriter writer = SafetensorsWriter.create(file, entries, Map.of());
    try {
      content.write(writer);
      return writer;
    } catch (Throwable e) {
      writer.close();
      throw e;
    }
  }
}
