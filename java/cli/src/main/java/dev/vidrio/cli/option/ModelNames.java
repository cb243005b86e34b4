package dev.vidrio.cli.option;

import dev.vidrio.hub.Catalog;
import dev.vidrio.hub.ModelStore;
import dev.vidrio.hub.StoredModel;
import java.util.Iterator;
import java.util.stream.Stream;

/** The names of stored models and of the catalog, for shell completion. */
public final class ModelNames implements Iterable<String> {
  @Override
  public Iterator<String> iterator() {
    Stream<String> offered = Catalog.standard().names().stream();
    Stream<String> stored = ModelStore.open().list().stream().map(StoredModel::name);
    return Stream.concat(offered, stored).distinct().iterator();
  }
}
