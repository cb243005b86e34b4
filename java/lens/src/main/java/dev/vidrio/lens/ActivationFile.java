package dev.vidrio.lens;

import dev.vidrio.formats.safetensors.Dtype;
import dev.vidrio.formats.safetensors.SafetensorsWriter;
import dev.vidrio.formats.safetensors.SafetensorsWriter.Entry;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.TapType;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.memory.HalfFloats;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Writes activations or their gradients to a safetensors file: one tensor per hook point under its
 * name, and the tokens.
 */
public final class ActivationFile {
  private static final String TOKENS = "tokens";
  private static final String METRIC = "metric";

  private ActivationFile() {}

  /**
   * Writes the activations f32 and {@code tokens} i32; the metadata has the model, and the position
   * {@code from} of the first row.
   *
   * @throws IOException when the file cannot be written
   */
  public static void write(ActivationCache cache, String model, Path target) throws IOException {
    write(List.of(cache), TapType.F32, model, target);
  }

  /**
   * Writes the activations of several texts under names that begin with {@link #prefix}.
   *
   * @param caches with equal points and first positions
   * @param type of the elements; 16-bit types round to nearest even
   * @throws IOException if the file cannot be written
   */
  public static void write(List<ActivationCache> caches, TapType type, String model, Path target)
      throws IOException {
    List<Entry> entries = new ArrayList<>();
    for (int i = 0; i < caches.size(); i++) {
      String prefix = prefix(caches.size(), i);
      ActivationCache cache = caches.get(i);
      for (HookPoint point : cache.points()) {
        entries.add(entry(prefix, cache.get(point), type));
      }
      entries.add(tokens(prefix, cache.tokens()));
    }
    String from = Integer.toString(caches.getFirst().from());
    try (var writer =
        SafetensorsWriter.create(target, entries, Map.of("model", model, "from", from))) {
      for (int i = 0; i < caches.size(); i++) {
        write(caches.get(i), type, prefix(caches.size(), i), writer);
      }
      writer.finish();
    }
  }

  /**
   * Writes gradients f32, {@code tokens} i32, and the value of the metric as {@code metric} f32.
   *
   * @throws IOException if the file cannot be written
   */
  public static void writeGradients(
      List<Activation> gradients, int[] tokens, double metric, String model, Path target)
      throws IOException {
    List<Entry> entries = new ArrayList<>();
    for (Activation gradient : gradients) {
      entries.add(entry("", gradient, TapType.F32));
    }
    entries.add(tokens("", tokens));
    entries.add(new Entry(METRIC, Dtype.F32, List.of(1L)));
    try (var writer = SafetensorsWriter.create(target, entries, Map.of("model", model));
        Arena arena = Arena.ofConfined()) {
      for (Activation gradient : gradients) {
        writer.write(gradient.point().name(), gradient.data());
      }
      writer.write(TOKENS, arena.allocateFrom(ValueLayout.JAVA_INT, tokens));
      writer.write(METRIC, new float[] {(float) metric});
      writer.finish();
    }
  }

  private static Entry entry(String prefix, Activation activation, TapType type) {
    List<Long> shape = activation.shape().stream().map(Integer::longValue).toList();
    return new Entry(prefix + activation.point().name(), Dtype.valueOf(type.name()), shape);
  }

  private static Entry tokens(String prefix, int[] tokens) {
    return new Entry(prefix + TOKENS, Dtype.I32, List.of((long) tokens.length));
  }

  /**
   * Returns the prefix of the names of a text's tensors: {@code 0/}, or nothing for a single text.
   */
  public static String prefix(int texts, int text) {
    return texts == 1 ? "" : text + "/";
  }

  private static void write(
      ActivationCache cache, TapType type, String prefix, SafetensorsWriter writer)
      throws IOException {
    for (HookPoint point : cache.points()) {
      MemorySegment data = cache.get(point).data();
      try (Arena arena = Arena.ofConfined()) {
        writer.write(
            prefix + point.name(),
            type == TapType.F32 ? data : HalfFloats.ofFloats(type, data, arena));
      }
    }
    try (Arena arena = Arena.ofConfined()) {
      writer.write(prefix + TOKENS, arena.allocateFrom(ValueLayout.JAVA_INT, cache.tokens()));
    }
  }
}
