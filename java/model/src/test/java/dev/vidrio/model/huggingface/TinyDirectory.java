package dev.vidrio.model.huggingface;

import dev.vidrio.formats.testfiles.SafetensorsImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;
import tools.jackson.databind.json.JsonMapper;

/** Writes a directory of transformers with a tiny model of the class LlamaForCausalLM. */
final class TinyDirectory {

  private static final int D = 32;
  private static final int D_FFN = 48;
  static final int V = 40;

  private final Map<String, Object> config = new LinkedHashMap<>();
  private final Map<String, long[]> shapes = new LinkedHashMap<>();

  TinyDirectory() {
    config.put("architectures", new String[] {"LlamaForCausalLM"});
    config.put("hidden_act", "silu");
    config.put("hidden_size", D);
    config.put("intermediate_size", D_FFN);
    config.put("max_position_embeddings", 128);
    config.put("num_attention_heads", 4);
    config.put("num_hidden_layers", 1);
    config.put("num_key_value_heads", 2);
    config.put("rms_norm_eps", 1e-5);
    config.put("vocab_size", V);
    String block = "model.layers.0.";
    shapes.put("model.embed_tokens.weight", new long[] {V, D});
    shapes.put("lm_head.weight", new long[] {V, D});
    shapes.put("model.norm.weight", new long[] {D});
    shapes.put(block + "input_layernorm.weight", new long[] {D});
    shapes.put(block + "post_attention_layernorm.weight", new long[] {D});
    shapes.put(block + "self_attn.q_proj.weight", new long[] {D, D});
    shapes.put(block + "self_attn.k_proj.weight", new long[] {D / 2, D});
    shapes.put(block + "self_attn.v_proj.weight", new long[] {D / 2, D});
    shapes.put(block + "self_attn.o_proj.weight", new long[] {D, D});
    shapes.put(block + "mlp.gate_proj.weight", new long[] {D_FFN, D});
    shapes.put(block + "mlp.up_proj.weight", new long[] {D_FFN, D});
    shapes.put(block + "mlp.down_proj.weight", new long[] {D, D_FFN});
  }

  TinyDirectory with(String key, Object value) {
    config.put(key, value);
    return this;
  }

  TinyDirectory without(String key) {
    config.remove(key);
    return this;
  }

  TinyDirectory tensor(String name, long... shape) {
    shapes.put(name, shape);
    return this;
  }

  TinyDirectory withoutTensor(String name) {
    shapes.remove(name);
    return this;
  }

  Path writeConfig(Path directory) throws IOException {
    String text = JsonMapper.shared().writeValueAsString(config);
    return Files.writeString(directory.resolve("config.json"), text);
  }

  Path write(Path directory) throws IOException {
    writeConfig(directory);
    Files.write(directory.resolve("model.safetensors"), image(shapes).bytes());
    return directory;
  }

  /** Writes two files and their index. */
  Path writeSharded(Path directory) throws IOException {
    writeConfig(directory);
    Map<String, Map<String, long[]>> shards = new LinkedHashMap<>();
    Map<String, String> fileOf = new LinkedHashMap<>();
    for (Map.Entry<String, long[]> shape : shapes.entrySet()) {
      int part = shape.getKey().contains("mlp") ? 2 : 1;
      String file = "model-0000%d-of-00002.safetensors".formatted(part);
      fileOf.put(shape.getKey(), file);
      shards
          .computeIfAbsent(file, name -> new LinkedHashMap<>())
          .put(shape.getKey(), shape.getValue());
    }
    for (Map.Entry<String, Map<String, long[]>> shard : shards.entrySet()) {
      Files.write(directory.resolve(shard.getKey()), image(shard.getValue()).bytes());
    }
    writeIndex(directory, fileOf);
    return directory;
  }

  /** Writes a byte-level tokenizer of the letters a to h, some of their pairs, and an end. */
  static void writeTokenizer(Path directory) throws IOException {
    Files.writeString(
        directory.resolve("tokenizer.json"),
        """
        {"added_tokens": [{"id": 12, "content": "<end>", "special": true}],
         "normalizer": null,
         "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
         "model": {"type": "BPE", "ignore_merges": false,
          "vocab": {"a": 0, "b": 1, "c": 2, "d": 3, "e": 4, "f": 5, "g": 6, "h": 7,
                    "ab": 8, "cd": 9, "abcd": 10},
          "merges": ["a b", ["c", "d"], "ab cd"]}}
        """);
  }

  static void writeIndex(Path directory, Map<String, String> fileOf) throws IOException {
    String text = JsonMapper.shared().writeValueAsString(Map.of("weight_map", fileOf));
    Files.writeString(directory.resolve("model.safetensors.index.json"), text);
  }

  private static SafetensorsImage image(Map<String, long[]> shapes) {
    var image = new SafetensorsImage();
    shapes.forEach(
        (name, shape) -> {
          int elements = 1;
          for (long size : shape) {
            elements *= (int) size;
          }
          var random = new SplittableRandom(name.hashCode());
          var values = new float[elements];
          for (int i = 0; i < elements; i++) {
            values[i] = (float) random.nextDouble(-0.1, 0.1);
          }
          image.floats(name, values, shape);
        });
    return image;
  }
}
