package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.CheckpointMap;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * The mapping of a class whose configuration and tensors are named like Llama's, as an immutable
 * description. The default is a model with SiLU, RMSNorm of epsilon 10⁻⁶, RoPE over whole heads,
 * and Llama's tensors outside the layers; only the tensors of a layer have to be named.
 *
 * <pre>{@code
 * MappingSpec.of(LlamaNames::norms, LlamaNames::attention, LlamaNames::gatedFfn).rmsEpsilon(1e-5);
 * }</pre>
 *
 * <p>Keys are added in the order: dimensions, epsilon, RoPE, then those of {@link #keys}; a later
 * one replaces an earlier one of the same name.
 */
public final class MappingSpec implements Mapping {
  /** Adds keys. */
  @FunctionalInterface
  public interface KeyRule {
    /** Adds them to the scope of the architecture. */
    void put(Config config, MetadataBuilder out);
  }

  /** Adds keys whose values the checkpoint has as tensors. */
  @FunctionalInterface
  public interface TensorKeys {
    /** Adds them, with their full names. */
    void put(Config config, CheckpointMap map, MetadataBuilder out);
  }

  /** Takes tensors outside the layers. */
  @FunctionalInterface
  public interface ModelTensors {
    /** Takes them. */
    void take(Config config, TensorMap map);
  }

  private List<LayerTensors> layer;
  private Map<String, Integer> defaults = Map.of();
  private Consumer<Config> activation = config -> config.requireOneOf("hidden_act", "silu");
  private List<Consumer<Config>> checks = List.of();
  private KeyRule dimensions = CommonKeys::dimensions;
  private KeyRule epsilon = (config, out) -> CommonKeys.rmsEpsilon(config, out, 1e-6);
  private RopeMapping rope = RopeMapping.of(Rope::of);
  private List<KeyRule> keys = List.of();
  private TensorKeys tensorKeys = (config, map, out) -> {};
  private ModelTensors outside = LlamaNames::outside;
  private List<ModelTensors> tensors = List.of();

  private MappingSpec(List<LayerTensors> layer) {
    this.layer = layer;
  }

  /** Returns the default description with the given tensors of a layer. */
  public static MappingSpec of(LayerTensors... layer) {
    return new MappingSpec(List.of(layer));
  }

  private MappingSpec with(Consumer<MappingSpec> change) {
    var copy = new MappingSpec(layer);
    copy.defaults = defaults;
    copy.activation = activation;
    copy.checks = checks;
    copy.dimensions = dimensions;
    copy.epsilon = epsilon;
    copy.rope = rope;
    copy.keys = keys;
    copy.tensorKeys = tensorKeys;
    copy.outside = outside;
    copy.tensors = tensors;
    change.accept(copy);
    return copy;
  }

  private static <T> List<T> append(List<T> list, T element) {
    List<T> longer = new ArrayList<>(list);
    longer.add(element);
    return List.copyOf(longer);
  }

  /** Sets the values that transformers uses for keys that the configuration does not have. */
  public MappingSpec defaults(Map<String, Integer> newDefaults) {
    return with(spec -> spec.defaults = Map.copyOf(newDefaults));
  }

  /** Replaces the check of the activation. */
  public MappingSpec activation(Consumer<Config> check) {
    return with(spec -> spec.activation = check);
  }

  /** Replaces the activation that the configuration must name. */
  public MappingSpec activation(String key, String... names) {
    return with(spec -> spec.activation = config -> config.requireOneOf(key, names));
  }

  /** Adds a check of the configuration. */
  public MappingSpec check(Consumer<Config> check) {
    return with(spec -> spec.checks = append(checks, check));
  }

  /** Replaces the reading of dimensions. */
  public MappingSpec dimensions(KeyRule newDimensions) {
    return with(spec -> spec.dimensions = newDimensions);
  }

  /** Replaces the epsilon of RMSNorm that transformers uses unless the configuration has one. */
  public MappingSpec rmsEpsilon(double usual) {
    return epsilon((config, out) -> CommonKeys.rmsEpsilon(config, out, usual));
  }

  /** Replaces RMSNorm by LayerNorm, whose epsilon the first existing of the keys has. */
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
  public MappingSpec rope(Function<Config, Rope> newRope) {
    return rope(RopeMapping.of(newRope));
  }

  /** Replaces the mapping of RoPE. */
  public MappingSpec rope(RopeMapping newRope) {
    return with(spec -> spec.rope = newRope);
  }

  /** Rejects configurations without a base of RoPE, whose default differs between versions. */
  public MappingSpec requireRopeBase() {
    return check(Rope::requireBase);
  }

  /** Adds keys. */
  public MappingSpec keys(KeyRule rule) {
    return with(spec -> spec.keys = append(keys, rule));
  }

  /** Replaces the keys whose values are tensors. */
  public MappingSpec tensorKeys(TensorKeys newTensorKeys) {
    return with(spec -> spec.tensorKeys = newTensorKeys);
  }

  /** Replaces the tensors outside the layers. */
  public MappingSpec outside(ModelTensors newOutside) {
    return with(spec -> spec.outside = newOutside);
  }

  /** Adds tensors, taken after the layers. */
  public MappingSpec tensors(ModelTensors more) {
    return with(spec -> spec.tensors = append(tensors, more));
  }

  /** Replaces the tensors of a layer. */
  public MappingSpec layer(LayerTensors... newLayer) {
    return with(spec -> spec.layer = List.of(newLayer));
  }

  /** Adds tensors of a layer. */
  public MappingSpec and(LayerTensors more) {
    return with(spec -> spec.layer = append(layer, more));
  }

  @Override
  public void keys(Config given, MetadataBuilder out) {
    Config config = given.withDefaults(defaults);
    activation.accept(config);
    checks.forEach(check -> check.accept(config));
    dimensions.put(config, out);
    epsilon.put(config, out);
    rope.keys(config, out);
    keys.forEach(rule -> rule.put(config, out));
  }

  @Override
  public void keysOfTensors(Config config, CheckpointMap map, MetadataBuilder out) {
    tensorKeys.put(config, map, out);
  }

  @Override
  public void tensors(Config given, TensorMap map) {
    Config config = given.withDefaults(defaults);
    outside.take(config, map);
    rope.tensors(config, map);
    for (int l = 0; l < config.size("num_hidden_layers"); l++) {
      for (LayerTensors part : layer) {
        part.take(config, map, l);
      }
    }
    tensors.forEach(part -> part.take(config, map));
  }
}
