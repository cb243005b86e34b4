package dev.vidrio.lens.decode.sae;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.file.FileStatus;
import dev.vidrio.formats.file.SmallFile;
import dev.vidrio.kernel.hook.HookSite;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The scalars of {@code config.yaml} of circuit-tracer, which names the hook points that
 * transcoders read and write. All are plain or quoted strings at the top level.
 */
final class CircuitTracerConfig {
  private static final String INPUT = "feature_input_hook";
  private static final String OUTPUT = "feature_output_hook";
  private static final String NAME = "config.yaml";
  private static final long MAX_BYTES = 1 << 20;
  private static final Pattern SCALAR =
      Pattern.compile("(\\w+):\\s+([\"']?)([^\"'#]*?)\\2\\s*(?:#.*)?");

  private final String file;
  private final Map<String, String> values;

  private CircuitTracerConfig(String file, Map<String, String> values) {
    this.file = file;
    this.values = Map.copyOf(values);
  }

  /** Reads the file of a cross-layer transcoder, or returns the defaults if there is none. */
  static CircuitTracerConfig ofCrossLayer(Path directory) {
    Map<String, String> defaults =
        Map.of(INPUT, "hook_resid_mid", OUTPUT, HookSite.MLP_OUT.suffix());
    return FileStatus.exists(directory.resolve(NAME))
        ? read(directory)
        : new CircuitTracerConfig(directory.toString(), defaults);
  }

  /** Reads the file of a directory. */
  static CircuitTracerConfig read(Path directory) {
    Path path = directory.resolve(NAME);
    String text = new String(SmallFile.read(path, MAX_BYTES), StandardCharsets.UTF_8);
    Map<String, String> values = new HashMap<>();
    for (String line : text.lines().toList()) {
      Matcher scalar = SCALAR.matcher(line);
      if (scalar.matches()) {
        values.put(scalar.group(1), scalar.group(3));
      }
    }
    return new CircuitTracerConfig(path.toString(), values);
  }

  String file() {
    return file;
  }

  /** Returns the hook point of the input within a block. */
  String input() {
    return required(INPUT);
  }

  /** Returns the hook point of the output within a block. */
  String output() {
    return required(OUTPUT);
  }

  /** Returns the activation function, or an empty string if the weights decide. */
  String activation() {
    return values.getOrDefault("activation", "");
  }

  private String required(String key) {
    String value = values.get(key);
    if (value == null) {
      throw new ModelFileException(file, "key '" + key + "'", "", "is missing");
    }
    return value;
  }
}
