package dev.vidrio.server;

import dev.vidrio.model.Model;
import dev.vidrio.model.adapter.Adaptation;
import dev.vidrio.model.adapter.Adapter;
import java.nio.file.Path;

/**
 * A low-rank adapter of a model that a server offers, beside the model, as one of its own name.
 *
 * @param id what requests call it; not empty
 * @param file as {@link Adapter#open} takes it
 * @param strength multiplies what it adds: 1 as it was trained
 */
public record AdapterSource(String id, Path file, float strength) {
  /** Checks the name. */
  public AdapterSource {
    ModelSource.requireName("adapter", id);
  }

  /** Opens it, to be closed with the model. */
  Adaptation open(Model model) {
    return new Adaptation(model.openAdapter(file), strength);
  }
}
