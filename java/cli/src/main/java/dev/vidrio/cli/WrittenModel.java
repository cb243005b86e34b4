package dev.vidrio.cli;

import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.ProgressBar;
import dev.vidrio.cli.io.Units;
import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.gguf.GgufTensor;
import dev.vidrio.model.quantize.FileType;
import dev.vidrio.model.quantize.QuantizeOptions;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Writes the model of {@code convert} or {@code quantize}, with a progress bar and a report. */
final class WrittenModel {
  private WrittenModel() {}

  /** Writes a model with options, from an input to an output. */
  @FunctionalInterface
  interface Rewriter {
    void write(Path input, Path output, QuantizeOptions options);
  }

  /** Parses case-insensitive names of file types. */
  static final class FileTypeConverter implements ITypeConverter<FileType> {
    FileTypeConverter() {}

    @Override
    public FileType convert(String name) {
      return FileType.ofName(name)
          .orElseThrow(() -> new TypeConversionException("unknown file type '" + name + "'"));
    }
  }

  /** Writes a model and prints its size, types and time. */
  static void write(
      Path input, Path output, QuantizeOptions options, boolean json, Rewriter rewriter) {
    long start = System.nanoTime();
    try (var bar = new ProgressBar("writing " + output)) {
      rewriter.write(input, output, options.withProgress(fraction -> bar.update(fraction, "")));
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    try (Arena arena = Arena.ofShared()) {
      report(Gguf.open(output, arena), seconds, json);
    }
  }

  private static void report(Gguf gguf, double seconds, boolean json) {
    Map<GgmlType, Integer> types = new TreeMap<>();
    gguf.tensors().forEach(tensor -> types.merge(tensor.type(), 1, Integer::sum));
    long elements = gguf.tensors().stream().mapToLong(GgufTensor::elements).sum();
    long bytes = gguf.tensors().stream().mapToLong(tensor -> tensor.data().byteSize()).sum();
    double bits = 8.0 * bytes / elements;
    if (json) {
      Json.print(
          new JsonObject()
              .with("file", gguf.name())
              .with("bytes", gguf.size())
              .with("bits_per_weight", bits)
              .with("types", types)
              .with("seconds", seconds));
      return;
    }
    String list =
        types.entrySet().stream()
            .map(entry -> entry.getValue() + " " + entry.getKey())
            .collect(Collectors.joining(", "));
    System.out.printf(
        "%s: %s, %.2f bits per weight (%s), in %.1f s%n",
        gguf.name(), Units.bytes(gguf.size()), bits, list, seconds);
  }
}
