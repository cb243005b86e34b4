package dev.vidrio.model;

import dev.vidrio.model.architecture.ArchitectureInfo;
import dev.vidrio.model.architecture.catalog.ArchitectureEntry;
import dev.vidrio.model.architecture.catalog.ArchitectureEntry.Directory;
import dev.vidrio.model.architecture.catalog.Catalog;
import java.util.List;
import java.util.Optional;

/** The architectures that {@link Model#open(java.nio.file.Path)} reads. */
public final class SupportedArchitectures {
  private static final List<ArchitectureInfo> ALL =
      Catalog.entries().stream().map(SupportedArchitectures::info).toList();

  private SupportedArchitectures() {}

  private static ArchitectureInfo info(ArchitectureEntry entry) {
    List<String> classNames = entry.directories().stream().map(Directory::className).toList();
    return new ArchitectureInfo(
        entry.name(), entry.developer(), entry.models(), entry.traits(), classNames);
  }

  /** Returns all architectures, sorted by name. */
  public static List<ArchitectureInfo> all() {
    return ALL;
  }

  /** Returns the architecture of a name, if it is supported. */
  public static Optional<ArchitectureInfo> find(String name) {
    return ALL.stream().filter(info -> info.name().equals(name)).findFirst();
  }
}
