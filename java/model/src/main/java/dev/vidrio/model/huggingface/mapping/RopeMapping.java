package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.formats.gguf.MetadataBuilder;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.checkpoint.TensorMap;
import java.util.function.Function;

/** Maps a configuration's RoPE to keys and to tensors of frequency divisors. */
public interface RopeMapping {
  /** No RoPE. */
  RopeMapping NONE =
      new RopeMapping() {
        @Override
        public void keys(Config config, MetadataBuilder out) {}

        @Override
        public void tensors(Config config, TensorMap map) {}
      };

  /** Adds the keys. */
  void keys(Config config, MetadataBuilder out);

  /** Adds the tensors. */
  void tensors(Config config, TensorMap map);

  /** Returns the mapping of what a function reads. */
  static RopeMapping of(Function<Config, Rope> rope) {
    return new RopeMapping() {
      @Override
      public void keys(Config config, MetadataBuilder out) {
        rope.apply(config).put(out, CommonKeys.headWidth(config));
      }

      @Override
      public void tensors(Config config, TensorMap map) {
        rope.apply(config).addTensors(map, CommonKeys.headWidth(config));
      }
    };
  }

  /** Returns this mapping with other keys. */
  default RopeMapping keys(MappingSpec.KeyRule keys) {
    RopeMapping mapping = this;
    return new RopeMapping() {
      @Override
      public void keys(Config config, MetadataBuilder out) {
        keys.put(config, out);
      }

      @Override
      public void tensors(Config config, TensorMap map) {
        mapping.tensors(config, map);
      }
    };
  }
}
