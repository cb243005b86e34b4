package dev.vidrio.hub;

import dev.vidrio.error.InvalidInputException;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The models that can be referred to by name.
 *
 * <p>{@link #standard()} is the catalog of this version; the command line lists it with {@code
 * vidrio list}. Other models are referred to by path or as {@code hf:owner/repo}. Immutable and
 * thread-safe.
 *
 * @param entries the models with a known size and SHA-256, in the order of listings
 * @param shortNames short names of models on Hugging Face, in the order of listings
 * @see ModelReference
 */
public record Catalog(List<CatalogEntry> entries, List<ShortName> shortNames) {

  /**
   * Copies the lists.
   *
   * @throws InvalidInputException if a name appears twice
   */
  public Catalog {
    entries = List.copyOf(entries);
    shortNames = List.copyOf(shortNames);
    Set<String> names = new HashSet<>();
    for (String name : names(entries, shortNames)) {
      if (!names.add(name)) {
        throw new InvalidInputException("catalog", name, "name appears twice");
      }
    }
  }

  /** Creates a catalog without short names. */
  public Catalog(List<CatalogEntry> entries) {
    this(entries, List.of());
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

  /**
   * Finds a short name.
   *
   * @param name the exact name
   * @return the short name, if there is one
   */
  public Optional<ShortName> findShortName(String name) {
    return shortNames.stream().filter(shortName -> shortName.name().equals(name)).findFirst();
  }

  /** {@return all names: those of the entries, then the short names} */
  public List<String> names() {
    return names(entries, shortNames);
  }

  private static List<String> names(List<CatalogEntry> entries, List<ShortName> shortNames) {
    return Stream.concat(
            entries.stream().map(CatalogEntry::name), shortNames.stream().map(ShortName::name))
        .toList();
  }

  private static final class Standard {
    static final Catalog CATALOG = CatalogReader.read("catalog.json");
  }
}
