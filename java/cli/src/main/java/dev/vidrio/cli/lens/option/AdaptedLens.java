package dev.vidrio.cli.lens.option;

import dev.vidrio.cli.option.AdapterFile;
import dev.vidrio.lens.Lens;
import dev.vidrio.model.adapter.Adaptation;
import dev.vidrio.model.adapter.Adapter;

/**
 * A lens of a model with an adapter, which is open until this is closed.
 *
 * @param lens the lens
 * @param adapter the adapter
 */
public record AdaptedLens(Lens lens, Adapter adapter) implements AutoCloseable {
  /** Opens an adapter for the model of a lens. */
  public static AdaptedLens open(Lens plain, AdapterFile file) {
    Adaptation adaptation = file.open(plain.model());
    return new AdaptedLens(plain.adapted(adaptation), adaptation.adapter());
  }

  @Override
  public void close() {
    adapter.close();
  }
}
