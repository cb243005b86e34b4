package dev.vidrio.model.architecture.catalog;

import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.weight.Repacking;
import dev.vidrio.model.architecture.Architecture;
import dev.vidrio.model.architecture.LoadListener;
import dev.vidrio.model.architecture.Trait;
import dev.vidrio.model.architecture.catalog.ArchitectureEntry.Directory;
import dev.vidrio.model.block.DraftSource;
import dev.vidrio.model.block.EagleHead;
import dev.vidrio.model.block.Hyperparameters;
import dev.vidrio.model.block.ModelDimensions;
import dev.vidrio.model.block.ModelVariant;
import dev.vidrio.model.block.WeightLoader;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.mapping.Mapping;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.LongConsumer;
import java.util.stream.Stream;

/** The supported architectures. */
public final class Catalog {
  private static final Map<String, ArchitectureEntry> ENTRIES = new TreeMap<>();

  static {
    Stream.of(
            Llama.ENTRIES,
            Qwen.ENTRIES,
            Gemma.ENTRIES,
            Granite.ENTRIES,
            Gpt.ENTRIES,
            Mixture.ENTRIES,
            Latent.ENTRIES,
            Hybrid.ENTRIES,
            Encoders.ENTRIES)
        .flatMap(List::stream)
        .forEach(
            entry -> {
              if (ENTRIES.put(entry.name(), entry) != null) {
                throw new IllegalStateException(entry.name() + " has two entries");
              }
            });
  }

  /**
   * The mapping of a configuration.
   *
   * @param architecture value of {@code general.architecture}
   */
  public record MappedArchitecture(String architecture, Mapping mapping) {}

  private Catalog() {}

  /** Returns all entries, sorted by name. */
  public static List<ArchitectureEntry> entries() {
    return List.copyOf(ENTRIES.values());
  }

  /**
   * Reads a model.
   *
   * @param progress receives the progress of loading
   * @param repacking when quantized matrices are packed into memory of their own
   * @param variant choices that the file leaves open; the model's own draft block is skipped unless
   *     it is the source of drafts
   * @throws UnsupportedModelException if the file needs what this version does not support, or the
   *     model has no such block, cannot run a head, or has no latent attention
   * @throws dev.vidrio.error.ModelFileException if the file contradicts itself
   */
  public static Architecture load(
      Gguf gguf,
      Executor executor,
      Arena arena,
      LoadListener progress,
      Repacking repacking,
      ModelVariant variant) {
    var params = new Hyperparameters(gguf, variant);
    DraftSource drafts = variant.drafts();
    ArchitectureEntry entry = ENTRIES.get(params.architecture());
    if (EagleHead.isHead(gguf)) {
      throw new UnsupportedModelException(
          gguf.name(), "an EAGLE-3 head alone", "it drafts for the model that it was trained with");
    }
    if (entry == null) {
      throw new UnsupportedModelException(
          gguf.name(),
          "architecture '" + params.architecture() + "'",
          "supported: " + String.join(", ", ENTRIES.keySet()));
    }
    long total = WeightLoader.bytes(gguf);
    LongConsumer listener = done -> progress.onProgress(done, total);
    var weights = new WeightLoader(gguf, executor, arena, listener, repacking);
    if (drafts instanceof DraftSource.OwnBlock) {
      requireDraftBlock(entry, params);
    }
    if (variant.latentCache() && !entry.traits().contains(Trait.LATENT_ATTENTION)) {
      throw params.unsupported(ModelVariant.LATENT_CACHE);
    }
    Architecture architecture = entry.reader().read(params, weights);
    if (drafts instanceof DraftSource.Head && architecture.draft() == null) {
      throw params.unsupported(DraftSource.HEAD);
    }
    return architecture;
  }

  /**
   * Returns an EAGLE-3 head as the source of a draft block.
   *
   * @throws UnsupportedModelException if the file is another model
   */
  public static DraftSource draftHead(
      Gguf gguf, Executor executor, Arena arena, Repacking repacking) {
    var params = new Hyperparameters(gguf);
    if (!EagleHead.isHead(gguf)) {
      throw new UnsupportedModelException(
          gguf.name(),
          "architecture '" + params.architecture() + "' of a draft head",
          "supported: eagle3");
    }
    return new DraftSource.Head(
        params, new WeightLoader(gguf, executor, arena, done -> {}, repacking));
  }

  /** Rejects models without a draft block that can run, before their weights are read. */
  private static void requireDraftBlock(ArchitectureEntry entry, Hyperparameters params) {
    if (!entry.reader().runsDraftBlock()) {
      throw params.unsupported("a draft block (multi-token prediction)");
    }
    int blocks = ModelDimensions.draftBlocks(params);
    if (blocks != 1) {
      throw params.error(
          "nextn_predict_layers",
          Integer.toString(blocks),
          "must be 1 for a draft block that runs");
    }
  }

  /**
   * Returns the architecture and the mapping of a configuration.
   *
   * @throws UnsupportedModelException if the configuration's class is not supported
   */
  public static MappedArchitecture of(Config config) {
    List<String> names = config.strings("architectures");
    if (names.size() != 1) {
      throw config.error("architectures", names.toString(), "must name one class");
    }
    List<String> candidates = new ArrayList<>();
    for (ArchitectureEntry entry : ENTRIES.values()) {
      for (Directory directory : entry.directories()) {
        if (directory.className().equals(names.getFirst())) {
          if (directory.condition().test(config)) {
            return new MappedArchitecture(entry.name(), directory.mapping());
          }
          candidates.add(entry.name());
        }
      }
    }
    throw candidates.isEmpty()
        ? config.unsupported(
            "architectures", names.getFirst(), "supported: " + String.join(", ", classNames()))
        : config.unsupported(
            "architectures",
            names.getFirst() + " with this configuration",
            "supported: " + String.join(", ", candidates));
  }

  private static Set<String> classNames() {
    var names = new TreeSet<String>();
    for (ArchitectureEntry entry : ENTRIES.values()) {
      entry.directories().forEach(directory -> names.add(directory.className()));
    }
    return names;
  }

  /**
   * Returns the mapping of PEFT adapters for an architecture.
   *
   * @param file the adapter, for errors
   * @throws UnsupportedModelException if there is none
   */
  public static Mapping ofAdapter(String architecture, String file) {
    return Stream.ofNullable(ENTRIES.get(architecture))
        .flatMap(entry -> entry.directories().stream())
        .map(Directory::mapping)
        .filter(Mapping::mapsAdapters)
        .findFirst()
        .orElseThrow(
            () ->
                new UnsupportedModelException(
                    file,
                    "a PEFT adapter for the architecture '" + architecture + "'",
                    "convert it to GGUF"));
  }
}
