package dev.vidrio.model.architecture;

import java.util.List;
import java.util.Set;

/**
 * A supported architecture.
 *
 * @param name value of {@code general.architecture} in GGUF files: {@code qwen3}
 * @param developer developer of its models; {@code others} for developers of few architectures
 * @param models models that the name does not tell, or an empty string
 * @param traits differences from a plain transformer
 * @param classNames transformers classes with directories that can be opened; empty if only GGUF
 *     files can be
 */
public record ArchitectureInfo(
    String name, String developer, String models, Set<Trait> traits, List<String> classNames) {
  /** Copies the collections. */
  public ArchitectureInfo {
    traits = Set.copyOf(traits);
    classNames = List.copyOf(classNames);
  }
}
