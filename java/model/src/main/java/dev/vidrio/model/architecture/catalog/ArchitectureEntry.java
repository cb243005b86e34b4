package dev.vidrio.model.architecture.catalog;

import dev.vidrio.model.architecture.Trait;
import dev.vidrio.model.architecture.decoder.DecoderReader;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.mapping.Mapping;
import dev.vidrio.model.huggingface.mapping.TextMapping;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;

/**
 * An architecture: all that is derived from its name.
 *
 * @param name value of {@code general.architecture}
 * @param developer row of the table in docs/formats.md
 * @param models note after the name in the table, or an empty string
 * @param reader reads its models
 * @param traits differences from a plain transformer
 * @param directories transformers classes of this architecture; empty if its directories depend on
 *     remote code
 */
public record ArchitectureEntry(
    String name,
    String developer,
    String models,
    DecoderReader reader,
    Set<Trait> traits,
    List<Directory> directories) {
  /**
   * A transformers class.
   *
   * @param className element of {@code architectures} in {@code config.json}
   * @param condition on the configuration, for classes that are several architectures
   */
  public record Directory(String className, Predicate<Config> condition, Mapping mapping) {}

  /** Returns an entry without directories. */
  static ArchitectureEntry of(String name, String developer, DecoderReader reader) {
    return new ArchitectureEntry(name, developer, "", reader, Set.of(), List.of());
  }

  /** Adds a note on the models to the name in the table. */
  ArchitectureEntry models(String newModels) {
    return new ArchitectureEntry(name, developer, newModels, reader, traits, directories);
  }

  /** Sets the traits. */
  ArchitectureEntry traits(Trait first, Trait... more) {
    Set<Trait> set = Collections.unmodifiableSet(EnumSet.of(first, more));
    return new ArchitectureEntry(name, developer, models, reader, set, directories);
  }

  /** Adds transformers classes with one mapping. */
  ArchitectureEntry directory(Mapping mapping, String... classNames) {
    return directory(config -> true, mapping, classNames);
  }

  /** Adds vision-language classes with the given mapping of the text decoder. */
  ArchitectureEntry textOf(Mapping mapping, String... classNames) {
    return directory(new TextMapping(mapping), classNames);
  }

  /** Adds transformers classes that are of this architecture under a condition. */
  ArchitectureEntry directory(Predicate<Config> condition, Mapping mapping, String... classNames) {
    List<Directory> more = new ArrayList<>(directories);
    for (String className : classNames) {
      more.add(new Directory(className, condition, mapping));
    }
    return new ArchitectureEntry(name, developer, models, reader, traits, List.copyOf(more));
  }
}
