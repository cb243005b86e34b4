package dev.vidrio.fuzz;

import dev.vidrio.error.ModelException;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.model.huggingface.HuggingFaceAdapter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;

/**
 * Reads an {@code adapter_config.json} of PEFT, with the weights that follow it after a zero byte
 * or with those of a fixture.
 */
public final class AdapterHarness {
  private static final String FIXTURES = "java/model/src/test/resources/dev/vidrio/model/";
  private static final String CONFIG = "adapter_config.json";
  private static final String WEIGHTS = "adapter_model.safetensors";
  private static final Path DIRECTORY = Fixtures.scratch();
  private static final Path OWN_WEIGHTS = Fixtures.scratch();
  private static final Gguf MODEL =
      Gguf.parse(
          "model.gguf",
          MemorySegment.ofArray(Fixtures.read(FIXTURES + "architecture/llama/model.gguf")));

  static {
    Fixtures.copy(Fixtures.path(FIXTURES + "adapter/llama/" + WEIGHTS), DIRECTORY.resolve(WEIGHTS));
  }

  private AdapterHarness() {}

  /** Runs one input. */
  public static void fuzzerTestOneInput(byte[] data) {
    Fixtures.Two files = Fixtures.Two.of(data);
    Path directory = files.second().length == 0 ? DIRECTORY : OWN_WEIGHTS;
    Fixtures.write(directory.resolve(CONFIG), files.first());
    if (files.second().length > 0) {
      Fixtures.write(directory.resolve(WEIGHTS), files.second());
    }
    try (Arena arena = Arena.ofConfined()) {
      var _ = HuggingFaceAdapter.open(directory, MODEL, arena);
    } catch (ModelException e) {
      Oracle.requireOneLine(e);
    }
  }

  /** Returns a fixture's configuration, and one with patterns. */
  public static List<byte[]> seeds() {
    byte[] config = Fixtures.read(FIXTURES + "adapter/llama/" + CONFIG);
    byte[] weights = Fixtures.read(FIXTURES + "adapter/llama/" + WEIGHTS);
    return List.of(
        config,
        new Fixtures.Two(config, weights).toBytes(),
        Fixtures.bytes(
                """
                {"peft_type":"LORA","r":3,"lora_alpha":5,"use_rslora":true,"bias":"none",
                "rank_pattern":{"q_proj":3},"alpha_pattern":{"layers.0.mlp.up_proj":7.5},
                "init_lora_weights":"eva"}
                """)
            .getFirst());
  }
}
