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
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** A command that writes a model file, with a progress bar and a report. */
abstract class RewriteCommand implements Runnable {
  @Option(
      names = {"-o", "--output"},
      required = true,
      paramLabel = "OUT.gguf",
      description = "The file to write; it appears once it is complete.")
  private Path output = Path.of("");

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  /** Writes a model with options, from an input to an output. */
  @FunctionalInterface
  interface Rewriter {
    void write(Path input, Path output, QuantizeOptions options);
  }

  /** Parses case-insensitive names of file types. */
  static final class FileTypeConverter implements ITypeConverter<FileType> {
    @Override
    public FileType convert(String name) {
      return FileType.ofName(name)
          .orElseThrow(() -> new TypeConversionException("unknown file type '" + name + "'"));
    }
  }

  /** Writes a model and prints its size, types and time. */
  void write(Path input, QuantizeOptions options, Rewriter rewriter) {
    long start = System.nanoTime();
    try (var bar = new ProgressBar("writing " + output)) {
      rewriter.write(input, output, options.withProgress(fraction -> bar.update(fraction, "")));
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    try (Arena arena = Arena.ofShared()) {
      report(Gguf.open(output, arena), seconds);
    }
  }

  private void report(Gguf gguf, double seconds) {
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
