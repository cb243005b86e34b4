package dev.vidrio.server;

import dev.vidrio.model.Model;
import dev.vidrio.model.adapter.Adaptation;
import dev.vidrio.model.adapter.Adapter;
import java.nio.file.Path;

/**
 * A low-rank adapter (LoRA) that a server offers as a model of its own.
 *
 * @param id the name of the adapter in requests; not empty
 * @param file the file or directory, as for {@link Adapter#open}
 * @param strength the factor of the adapter's contribution; 1 as trained
 * @see ModelSource#withAdapters
 */
public record AdapterSource(String id, Path file, float strength) {
  /**
   * Creates a source.
   *
   * @throws dev.vidrio.error.InvalidInputException if the name is empty
   */
  public AdapterSource {
    ModelSource.requireName("adapter", id);
  }

  /** Opens the adapter, which is closed with the model. */
  Adaptation open(Model model) {
    return new Adaptation(model.openAdapter(file), strength);
  }
}
