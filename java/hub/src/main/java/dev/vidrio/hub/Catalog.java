package dev.vidrio.hub;

import dev.vidrio.error.InvalidInputException;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The models that can be referred to by name.
 *
 * <p>{@link #standard()} is the catalog of this version; the command line lists it with {@code
 * vidrio list}. Other models are referred to by path or as {@code hf:owner/repo/file.gguf}.
 * Immutable and thread-safe.
 *
 * @param entries the models, in the order of listings
 * @see ModelReference
 */
public record Catalog(List<CatalogEntry> entries) {

  /**
   * Copies the list.
   *
   * @throws InvalidInputException if two entries share a name
   */
  public Catalog {
    entries = List.copyOf(entries);
    Set<String> names = new HashSet<>();
    for (CatalogEntry entry : entries) {
      if (!names.add(entry.name())) {
        throw new InvalidInputException("catalog", entry.name(), "name appears twice");
      }
    }
  }

  /** {@return the catalog of this version} */
  public static Catalog standard() {
    return Standard.CATALOG;
  }

  /**
   * Finds a model.
   *
   * @param name the exact name
   * @return the entry, if there is one
   */
  public Optional<CatalogEntry> find(String name) {
    return entries.stream().filter(entry -> entry.name().equals(name)).findFirst();
  }

  /** {@return the names, in the order of the entries} */
  public List<String> names() {
    return entries.stream().map(CatalogEntry::name).toList();
  }

  private static final class Standard {
    static final Catalog CATALOG = CatalogReader.read("catalog.json");
  }
}
