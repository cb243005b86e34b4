package dev.vidrio.cli;

import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.option.AdapterFile;
import dev.vidrio.server.AdapterSource;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** The option of LoRA adapters that are served under their own names. */
final class ServedAdaptersOption {
  private static final String FORM = "NAME=[MODEL:]FILE[=STRENGTH]";

  @Option(
      names = "--adapter",
      paramLabel = FORM,
      description = {
        "Serve a LoRA adapter as a model of this name, batched with its base model: a GGUF file or"
            + " a PEFT directory. May be repeated.",
        "With several models, MODEL names the base model. STRENGTH scales the adapter. Default: 1."
      })
  private List<String> adapters = new ArrayList<>();

  /**
   * Returns the adapters of each model.
   *
   * @param models names of the served models
   * @throws UsageException if an adapter has no name, or does not name its model
   */
  Map<String, List<AdapterSource>> of(List<String> models) {
    Map<String, List<AdapterSource>> byModel = new LinkedHashMap<>();
    for (String adapter : adapters) {
      int equals = adapter.indexOf('=');
      String name = adapter.substring(0, Math.max(0, equals));
      String file = adapter.substring(equals + 1);
      String model = model(file, models);
      if (name.isBlank() || file.isBlank()) {
        throw new UsageException("--adapter " + adapter + ": must be " + FORM);
      }
      if (model == null) {
        throw new UsageException("--adapter " + adapter + ": must name its base model: " + FORM);
      }
      String prefix = model + ":";
      AdapterFile parsed;
      try {
        parsed =
            AdapterFile.parse(file.startsWith(prefix) ? file.substring(prefix.length()) : file);
      } catch (TypeConversionException e) {
        throw new UsageException("--adapter " + adapter + ": " + e.getMessage());
      }
      byModel
          .computeIfAbsent(model, key -> new ArrayList<>())
          .add(new AdapterSource(name, parsed.path(), parsed.strength()));
    }
    return byModel;
  }

  /** Returns the model that is named before the file, or the only model. */
  private static @Nullable String model(String file, List<String> models) {
    for (String model : models) {
      if (models.size() == 1 || file.startsWith(model + ":")) {
        return model;
      }
    }
    return null;
  }
}
