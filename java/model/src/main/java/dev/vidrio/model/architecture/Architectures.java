package dev.vidrio.model.architecture;

import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.kernel.Executor;
import dev.vidrio.model.block.Keys;
import dev.vidrio.model.block.WeightLoader;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.LongConsumer;

/** The supported architectures, by their names in model files. */
public final class Architectures {
  /** Reads a model whose keys and tensors these are. */
  private interface Reader {
    Architecture read(Keys keys, WeightLoader weights);
  }

  private static final Map<String, Reader> READERS =
      new TreeMap<>(
          Map.ofEntries(
              Map.entry("afmoe", Afmoe::read),
              Map.entry("apertus", Apertus::read),
              Map.entry("arcee", Arcee::read),
              Map.entry("arctic", Arctic::read),
              Map.entry("axk1", Deepseek2::read),
              Map.entry("baichuan", Baichuan::read),
              Map.entry("bailingmoe", Deepseek::read),
              Map.entry("bailingmoe2", Dots1::read),
              Map.entry("bitnet", Bitnet::readFirst),
              Map.entry("bitnet-b1.58", Bitnet::read2b4t),
              Map.entry("bloom", Bloom::read),
              Map.entry("chatglm", InternLm2::read),
              Map.entry("codeshell", StarCoder2::read),
              Map.entry("cohere2", Cohere2::read),
              Map.entry("cohere2moe", Cohere2::readMixture),
              Map.entry("command-r", CommandR::read),
              Map.entry("cwm", Llama::read),
              Map.entry("dbrx", Dbrx::read),
              Map.entry("deci", Varied::readDeci),
              Map.entry("deepseek", Deepseek::read),
              Map.entry("deepseek2", Deepseek2::read),
              Map.entry("dots1", Dots1::read),
              Map.entry("ernie4_5", InternLm2::read),
              Map.entry("ernie4_5-moe", Ernie45Moe::read),
              Map.entry("exaone", Qwen2::read),
              Map.entry("exaone-moe", ExaoneMoe::read),
              Map.entry("exaone4", Exaone4::read),
              Map.entry("falcon", Falcon::read),
              Map.entry("falcon-h1", FalconH1::read),
              Map.entry("flex_olmo", Olmo2::readMixture),
              Map.entry("gemma", Gemma::read),
              Map.entry("gemma2", Gemma2::read),
              Map.entry("gemma3", Gemma3::read),
              Map.entry("gemma3n", Gemma3n::read),
              Map.entry("gemma4", Gemma4::read),
              Map.entry("glm4", Glm4::read),
              Map.entry("glm4moe", Glm4Moe::read),
              Map.entry("gpt-oss", GptOss::read),
              Map.entry("gpt2", Gpt2::read),
              Map.entry("gpt_neo", GptNeo::read),
              Map.entry("gptj", Phi2::readGptJ),
              Map.entry("gptneox", GptNeox::read),
              Map.entry("granite", Granite::read),
              Map.entry("granite_swa", Granite::readSliding),
              Map.entry("granitehybrid", Granite::readHybrid),
              Map.entry("granitemoe", Granite::readMixture),
              Map.entry("hunyuan-dense", Hunyuan::readDense),
              Map.entry("hunyuan-moe", Hunyuan::readMixture),
              Map.entry("hy_v3", Dots1::readHunyuan),
              Map.entry("hyperclovax", HyperClovaX::read),
              Map.entry("internlm2", InternLm2::read),
              Map.entry("jais", Jais::read),
              Map.entry("jais2", Nemotron::read),
              Map.entry("laguna", Laguna::read),
              Map.entry("lfm2", Lfm2::readDense),
              Map.entry("lfm2moe", Lfm2::readMixture),
              Map.entry("lfm3", Lfm3::read),
              Map.entry("llama", Llama::read),
              Map.entry("llama4", Llama4::read),
              Map.entry("maincoder", Hunyuan::readAdjacent),
              Map.entry("mellum", Mellum::read),
              Map.entry("mimo2", MiMo2::read),
              Map.entry("minicpm", Granite::miniCpm),
              Map.entry("minicpm3", MiniCpm3::read),
              Map.entry("minimax-m2", MiniMaxM2::read),
              Map.entry("mistral3", Mistral3::read),
              Map.entry("mistral4", Deepseek2::read),
              Map.entry("mpt", Mpt::read),
              Map.entry("nanochat", NanoChat::read),
              Map.entry("nemotron", Nemotron::read),
              Map.entry("nemotron_h", NemotronH::readDense),
              Map.entry("nemotron_h_moe", NemotronH::readMixture),
              Map.entry("olmo", Olmo::read),
              Map.entry("olmo2", Olmo2::read),
              Map.entry("olmo_hybrid", OlmoHybrid::read),
              Map.entry("olmoe", Olmoe::read),
              Map.entry("openelm", Varied::readOpenElm),
              Map.entry("opt", Gpt2::readOpt),
              Map.entry("orion", Orion::read),
              Map.entry("pangu-embedded", Qwen2::read),
              Map.entry("phi2", Phi2::read),
              Map.entry("phi3", Phi3::read),
              Map.entry("phimoe", Phi3::readMixture),
              Map.entry("plamo", Plamo::read),
              Map.entry("plamo3", Plamo3::read),
              Map.entry("plm", Plm::read),
              Map.entry("qwen", Qwen::read),
              Map.entry("qwen2", Qwen2::read),
              Map.entry("qwen2moe", Qwen2Moe::read),
              Map.entry("qwen2vl", ofText(Qwen2::read)),
              Map.entry("qwen3", Qwen3::read),
              Map.entry("qwen35", ofText(QwenNext::readDense)),
              Map.entry("qwen35moe", ofText(QwenNext::readMixture)),
              Map.entry("qwen3moe", Qwen3Moe::read),
              Map.entry("qwen3next", QwenNext::readNext),
              Map.entry("qwen3vl", ofText(Qwen3::read)),
              Map.entry("qwen3vlmoe", ofText(Qwen3Moe::read)),
              Map.entry("refact", Refact::read),
              Map.entry("seed_oss", SeedOss::read),
              Map.entry("smallthinker", SmallThinker::read),
              Map.entry("smollm3", SmolLm3::read),
              Map.entry("stablelm", StableLm::read),
              Map.entry("starcoder", Gpt2::read),
              Map.entry("starcoder2", StarCoder2::read),
              Map.entry("step35", Step35::read),
              Map.entry("vaultgemma", Gemma2::readVault),
              Map.entry("xverse", InternLm2::read)));

  private Architectures() {}

  /**
   * Reads the text of a model that sees. In what share of a head a place in a picture turns
   * (Qwen2-VL, arXiv 2409.12191) says nothing in a text: there all positions of a token are one.
   */
  private static Reader ofText(Reader reader) {
    return (keys, weights) -> {
      keys.passOver("rope.dimension_sections");
      return reader.read(keys, weights);
    };
  }

  /** Their names. */
  public static List<String> names() {
    return List.copyOf(READERS.keySet());
  }

  /**
   * Checks a model file's keys and tensors and brings its weights into the executor's memory.
   *
   * @param progress hears how loading goes
   * @param repack whether quantized matrices are packed into memory of their own, or stay in the
   *     mapped file
   * @throws UnsupportedModelException when the file needs what this version does not have
   * @throws dev.vidrio.error.ModelFileException when the file contradicts itself
   */
  public static Architecture load(
      Gguf gguf, Executor executor, Arena arena, LoadListener progress, boolean repack) {
    var keys = new Keys(gguf);
    Reader reader = READERS.get(keys.architecture());
    if (reader == null) {
      throw new UnsupportedModelException(
          gguf.name(),
          "architecture '" + keys.architecture() + "'",
          "supported: " + String.join(", ", names()));
    }
    long total = WeightLoader.bytes(gguf);
    LongConsumer listener = done -> progress.onProgress(done, total);
    return reader.read(keys, new WeightLoader(gguf, executor, arena, listener, repack));
  }
}
