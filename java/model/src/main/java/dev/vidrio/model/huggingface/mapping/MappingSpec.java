package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.CheckpointMap;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.ToIntFunction;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The mapping of a class of transformers as an immutable description. The default is a model with
 * the names of Llama, SiLU, RMSNorm of epsilon 10⁻⁶ and RoPE over whole heads; only the tensors of
 * a layer have to be named, relative to it.
 *
 * <pre>{@code
 * MappingSpec.of(LlamaNames::norms, LlamaNames::attention, LlamaNames::gatedFfn).rmsEpsilon(1e-5);
 * }</pre>
 *
 * <p>Keys are added in the order: dimensions, epsilon, RoPE, then those of {@link #keys}; a later
 * one replaces an earlier one of the same name.
 */
public final class MappingSpec implements Mapping, Cloneable {
  /** Adds keys. */
  @FunctionalInterface
  public interface KeyRule {
    /** Adds them to the scope of the architecture. */
    void put(Config config, MetadataBuilder out);
  }

  /** Adds keys with values that the checkpoint has as tensors. */
  @FunctionalInterface
  public interface TensorKeys {
    /** Adds them, with their full names. */
    void put(Config config, CheckpointMap map, MetadataBuilder out);
  }

  /** Takes tensors outside the layers. Their names do not have the prefix of modules. */
  @FunctionalInterface
  public interface ModelTensors {
    /** Takes them. */
    void take(Config config, TensorMap map);
  }

  /** Takes the tensors of a module outside the layers. */
  @FunctionalInterface
  public interface ModuleTensors {
    /** Takes them. Suffixes follow the given names. */
    void take(Config config, TensorMap map, String from, String to);
  }

  /** Reads the RoPE of a configuration. */
  @FunctionalInterface
  public interface RopeRule {
    /** Returns it, or null for none. */
    @Nullable Rope of(Config config);
  }

  /** Adds the keys of RoPE. */
  @FunctionalInterface
  public interface RopeKeys {
    /** Adds them, for heads of d_h elements. */
    void put(Rope rope, Config config, MetadataBuilder out, int dH);
  }

  private List<LayerTensors> layer;
  private UnaryOperator<Config> reader = config -> config;
  private Consumer<Config> activation = config -> config.requireOneOf("hidden_act", "silu");
  private List<Consumer<Config>> checks = List.of();
  private KeyRule dimensions = CommonKeys::dimensions;
  private KeyRule epsilon = (config, out) -> CommonKeys.rmsEpsilon(config, out, 1e-6);
  private RopeRule rope = Rope::of;
  private RopeKeys ropeKeys = (rope, config, out, dH) -> rope.put(out, dH);
  private ToIntFunction<Config> headWidth = CommonKeys::headWidth;
  private List<KeyRule> keys = List.of();
  private TensorKeys tensorKeys = (config, map, out) -> {};
  private List<String> roots = List.of("model.");
  private String embedding = "embed_tokens";
  private String finalNorm = "norm";
  private String finalNormTo = "output_norm";
  private ModuleTensors takeEmbedding = MappingSpec::linear;
  private ModuleTensors takeFinalNorm = MappingSpec::linear;
  private ModuleTensors takeHead = MappingSpec::linear;
  private String layers = "layers.";
  private String head = "lm_head";
  private @Nullable Boolean tied;
  private boolean hasHead = true;
  private List<ModelTensors> tensors = List.of();
  private List<ModelTensors> outside = List.of();
  private List<String> ignored = List.of();
  private boolean mapsAdapters = true;

  private MappingSpec(List<LayerTensors> layer) {
    this.layer = layer;
  }

  /** Returns the default description with the given tensors of a layer. */
  public static MappingSpec of(LayerTensors... layer) {
    return new MappingSpec(List.of(layer));
  }

  private MappingSpec with(Consumer<MappingSpec> change) {
    MappingSpec copy;
    try {
      copy = (MappingSpec) clone();
    } catch (CloneNotSupportedException e) {
      throw new AssertionError(e);
    }
    change.accept(copy);
    return copy;
  }

  private static void linear(Config config, TensorMap map, String from, String to) {
    map.takeLinear(from, to);
  }

  private static <T> List<T> append(List<T> list, List<T> elements) {
    return Stream.concat(list.stream(), elements.stream()).toList();
  }

  /** Changes the configuration before it is read. */
  public MappingSpec reading(UnaryOperator<Config> newReader) {
    UnaryOperator<Config> before = reader;
    return with(spec -> spec.reader = config -> newReader.apply(before.apply(config)));
  }

  /** Sets the values that transformers uses for keys that the configuration does not have. */
  public MappingSpec defaults(Map<String, Integer> defaults) {
    return reading(config -> config.withDefaults(defaults));
  }

  /**
   * Sets the names that the class has for usual keys.
   *
   * @param attributes the names, by usual key, the preferred one first
   */
  public MappingSpec attributes(Map<String, List<String>> attributes) {
    return reading(config -> config.withAttributes(attributes));
  }

  /** Replaces the check of the activation. */
  public MappingSpec activation(Consumer<Config> check) {
    return with(spec -> spec.activation = check);
  }

  /** Replaces the activation that the configuration must name. */
  public MappingSpec activation(String key, String... names) {
    return activation(config -> config.requireOneOf(key, names));
  }

  /** Adds a check of the configuration. */
  public MappingSpec check(Consumer<Config> check) {
    return with(spec -> spec.checks = append(checks, List.of(check)));
  }

  /** Adds a check of flags that must be false or missing. */
  public MappingSpec off(String... keys) {
    return check(config -> List.of(keys).forEach(config::requireOff));
  }

  /** Adds a check of flags that must be true or missing. */
  public MappingSpec on(String... keys) {
    return check(config -> List.of(keys).forEach(config::requireOn));
  }

  /** Replaces the reading of dimensions. */
  public MappingSpec dimensions(KeyRule newDimensions) {
    return with(spec -> spec.dimensions = newDimensions);
  }

  /** Replaces the epsilon of RMSNorm that transformers uses unless the configuration has one. */
  public MappingSpec rmsEpsilon(double usual) {
    return epsilon((config, out) -> CommonKeys.rmsEpsilon(config, out, usual));
  }

  /** Replaces RMSNorm by LayerNorm with the epsilon of the first existing key. */
  public MappingSpec layerNormEpsilon(String... names) {
    return epsilon((config, out) -> CommonKeys.layerNormEpsilon(config, out, names));
  }

  /** Replaces the reading of the epsilon. */
  public MappingSpec epsilon(KeyRule newEpsilon) {
    return with(spec -> spec.epsilon = newEpsilon);
  }

  /**
   * Replaces RoPE over whole heads by RoPE over a part of each.
   *
   * @param usual the part unless the configuration names one
   */
  public MappingSpec partialRope(double usual) {
    return rope(config -> Rope.of(config, usual));
  }

  /** Replaces the reading of RoPE. */
  public MappingSpec rope(RopeRule newRope) {
    return with(spec -> spec.rope = newRope);
  }

  /** Removes RoPE. */
  public MappingSpec noRope() {
    return rope(config -> null);
  }

  /** Replaces the keys of RoPE. */
  public MappingSpec ropeKeys(RopeKeys newKeys) {
    return with(spec -> spec.ropeKeys = newKeys);
  }

  /** Replaces the reading of the width of a head, or of the part that RoPE divides. */
  public MappingSpec headWidth(ToIntFunction<Config> newWidth) {
    return with(spec -> spec.headWidth = newWidth);
  }

  /** Rejects configurations without a base of RoPE, as its default differs between versions. */
  public MappingSpec requireRopeBase() {
    return check(Rope::requireBase);
  }

  /** Adds keys. */
  public MappingSpec keys(KeyRule... rules) {
    return with(spec -> spec.keys = append(keys, List.of(rules)));
  }

  /** Replaces the keys with tensors as values. */
  public MappingSpec tensorKeys(TensorKeys newTensorKeys) {
    return with(spec -> spec.tensorKeys = newTensorKeys);
  }

  /**
   * Replaces the names of modules.
   *
   * @param newEmbedding the embedding
   * @param newNorm the final norm
   * @param newLayers prefix of the layers
   */
  public MappingSpec modules(String newEmbedding, String newNorm, String newLayers) {
    return with(
        spec -> {
          spec.embedding = newEmbedding;
          spec.finalNorm = newNorm;
          spec.layers = newLayers;
        });
  }

  /**
   * Replaces the prefix of all modules but the unembedding: the first with an embedding in the
   * checkpoint.
   */
  public MappingSpec root(String... newRoots) {
    return with(spec -> spec.roots = List.of(newRoots));
  }

  /** Replaces the taking of the embedding. */
  public MappingSpec embedding(ModuleTensors taking) {
    return with(spec -> spec.takeEmbedding = taking);
  }

  /** Replaces the taking of the final norm. */
  public MappingSpec finalNorm(ModuleTensors taking) {
    return with(spec -> spec.takeFinalNorm = taking);
  }

  /** Replaces the taking of the unembedding. */
  public MappingSpec head(ModuleTensors taking) {
    return with(spec -> spec.takeHead = taking);
  }

  /** Replaces the name of the final norm in GGUF. */
  public MappingSpec finalNorm(String to) {
    return with(spec -> spec.finalNormTo = to);
  }

  /** Removes the final norm's tensors. */
  public MappingSpec withoutFinalNorm() {
    return finalNorm((config, map, from, to) -> {});
  }

  /** Replaces the name of the unembedding. */
  public MappingSpec head(String newHead) {
    return with(spec -> spec.head = newHead);
  }

  /**
   * Sets whether the unembedding is the embedding unless the configuration says otherwise, by
   * default if the checkpoint has none.
   */
  public MappingSpec tied(boolean newTied) {
    return with(spec -> spec.tied = newTied);
  }

  /** Removes the unembedding, which encoders do not have. */
  public MappingSpec withoutHead() {
    return with(spec -> spec.hasHead = false);
  }

  /** Adds tensors without the prefix of modules in their names. */
  public MappingSpec outside(ModelTensors more) {
    return with(spec -> spec.outside = append(outside, List.of(more)));
  }

  /** Adds tensors outside the layers. */
  public MappingSpec tensors(ModelTensors more) {
    return with(spec -> spec.tensors = append(tensors, List.of(more)));
  }

  /** Ignores the tensors with one of the name prefixes. */
  public MappingSpec ignoring(String... prefixes) {
    return with(spec -> spec.ignored = List.of(prefixes));
  }

  /** Replaces the tensors of a layer. */
  public MappingSpec layer(LayerTensors... newLayer) {
    return with(spec -> spec.layer = List.of(newLayer));
  }

  /** Adds tensors of a layer. */
  public MappingSpec and(LayerTensors... more) {
    return with(spec -> spec.layer = append(layer, List.of(more)));
  }

  /** Sets that PEFT adapters cannot be read. */
  public MappingSpec withoutAdapters() {
    return with(spec -> spec.mapsAdapters = false);
  }

  @Override
  public boolean mapsAdapters() {
    return mapsAdapters;
  }

  @Override
  public void keys(Config given, MetadataBuilder out) {
    Config config = reader.apply(given);
    activation.accept(config);
    checks.forEach(check -> check.accept(config));
    dimensions.put(config, out);
    epsilon.put(config, out);
    Rope read = rope.of(config);
    if (read != null) {
      ropeKeys.put(read, config, out, headWidth.applyAsInt(config));
    }
    keys.forEach(rule -> rule.put(config, out));
  }

  @Override
  public void keysOfTensors(Config config, CheckpointMap map, MetadataBuilder out) {
    tensorKeys.put(config, map, out);
  }

  @Override
  public void tensors(Config given, TensorMap map) {
    Config config = reader.apply(given);
    String root =
        roots.stream()
            .filter(prefix -> map.has(prefix + embedding + ".weight"))
            .findFirst()
            .orElse(roots.getFirst());
    TensorMap model = map.in(root, "");
    takeEmbedding.take(config, model, embedding, "token_embd");
    takeFinalNorm.take(config, model, finalNorm, finalNormTo);
    if (hasHead) {
      takeHead(config, map);
    }
    Rope read = rope.of(config);
    if (read != null) {
      read.addTensors(map, headWidth.applyAsInt(config));
    }
    for (int l = 0; l < config.size("num_hidden_layers"); l++) {
      TensorMap block = model.in(layers + l + ".", "blk." + l + ".");
      for (LayerTensors part : layer) {
        part.take(config, block, l);
      }
    }
    tensors.forEach(part -> part.take(config, model));
    outside.forEach(part -> part.take(config, map));
    ignored.forEach(map::ignoreAll);
  }

  private void takeHead(Config config, TensorMap map) {
    boolean usuallyTied = tied == null ? !map.has(head + ".weight") : tied;
    if (config.bool("tie_word_embeddings", usuallyTied)) {
      map.ignore(head + ".weight"); // which may be a copy
    } else {
      takeHead.take(config, map, head, "output");
    }
  }
}
