package dev.vidrio.lens;

import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.HookPoint;
import dev.vidrio.model.safetensors.Dtype;
import dev.vidrio.model.safetensors.SafetensorsWriter;
import dev.vidrio.model.safetensors.SafetensorsWriter.Entry;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Writes activations to a safetensors file: one tensor per hook point under its name, and the
 * tokens.
 */
public final class ActivationFile {
  private ActivationFile() {}

  /**
   * Writes the activations f32 and {@code tokens} i32; the metadata has the model, and the position
   * {@code from} of the first row.
   *
   * @throws IOException when the file cannot be written
   */
  public static void write(ActivationCache cache, String model, Path target) throws IOException {
    List<Entry> entries = new ArrayList<>();
    for (HookPoint point : cache.points()) {
      List<Long> shape = cache.get(point).shape().stream().map(Integer::longValue).toList();
      entries.add(new Entry(point.name(), Dtype.F32, shape));
    }
    int[] tokens = cache.tokens();
    entries.add(new Entry("tokens", Dtype.I32, List.of((long) tokens.length)));
    Map<String, String> metadata = Map.of("model", model, "from", Integer.toString(cache.from()));
    try (Arena arena = Arena.ofConfined();
        var writer = SafetensorsWriter.create(target, entries, metadata)) {
      for (HookPoint point : cache.points()) {
        writer.write(point.name(), cache.get(point).data());
      }
      writer.write("tokens", arena.allocateFrom(ValueLayout.JAVA_INT, tokens));
      writer.finish();
    }
  }
}
