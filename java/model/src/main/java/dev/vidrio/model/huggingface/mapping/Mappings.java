package dev.vidrio.model.huggingface.mapping;

import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.model.huggingface.checkpoint.Config;
import dev.vidrio.model.huggingface.mapping.Deepseek2Mapping.Kind;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.Stream;

/** The mappings by what a config calls its architecture. */
public final class Mappings {

  private static final Map<String, Mapping> BY_CLASS =
      new TreeMap<>(
          Map.ofEntries(
              Map.entry("Lfm2ForCausalLM", new Lfm2Mapping("lfm2")),
              Map.entry("Lfm2MoeForCausalLM", new Lfm2Mapping("lfm2moe")),
              Map.entry("Lfm3ForCausalLM", new Lfm3Mapping()),
              Map.entry("LagunaForCausalLM", new LagunaMapping()),
              Map.entry("LlamaForCausalLM", new LlamaMapping("llama")),
              Map.entry("MistralForCausalLM", new LlamaMapping("llama")),
              Map.entry("MixtralForCausalLM", new LlamaMapping("llama")),
              Map.entry("SmolLM3ForCausalLM", new LlamaMapping("smollm3")),
              Map.entry("GraniteForCausalLM", new LlamaMapping("granite")),
              Map.entry("Qwen2ForCausalLM", new QwenMapping("qwen2")),
              Map.entry("Qwen3ForCausalLM", new QwenMapping("qwen3")),
              Map.entry("Qwen3MoeForCausalLM", new QwenMapping("qwen3moe")),
              Map.entry("Qwen2VLForConditionalGeneration", new QwenVlMapping("qwen2vl")),
              Map.entry("Qwen2_5_VLForConditionalGeneration", new QwenVlMapping("qwen2vl")),
              Map.entry("Qwen3VLForConditionalGeneration", new QwenVlMapping("qwen3vl")),
              Map.entry("Qwen3VLMoeForConditionalGeneration", new QwenVlMapping("qwen3vlmoe")),
              Map.entry("Qwen3NextForCausalLM", new QwenNextMapping("qwen3next")),
              Map.entry("Qwen3_5ForCausalLM", new QwenNextMapping("qwen35")),
              Map.entry("Qwen3_5MoeForCausalLM", new QwenNextMapping("qwen35moe")),
              Map.entry(
                  "Qwen3_5ForConditionalGeneration",
                  new TextMapping(new QwenNextMapping("qwen35"))),
              Map.entry(
                  "Qwen3_5MoeForConditionalGeneration",
                  new TextMapping(new QwenNextMapping("qwen35moe"))),
              Map.entry("GemmaForCausalLM", new GemmaMapping("gemma")),
              Map.entry("Gemma2ForCausalLM", new GemmaMapping("gemma2")),
              Map.entry("VaultGemmaForCausalLM", new GemmaMapping("vaultgemma")),
              Map.entry("Gemma3ForCausalLM", new GemmaMapping("gemma3")),
              Map.entry(
                  "Gemma3ForConditionalGeneration", new TextMapping(new GemmaMapping("gemma3"))),
              Map.entry("Gemma3nForCausalLM", new Gemma3nMapping()),
              Map.entry("Gemma3nForConditionalGeneration", new TextMapping(new Gemma3nMapping())),
              Map.entry("Gemma4ForCausalLM", new Gemma4Mapping()),
              Map.entry("Gemma4ForConditionalGeneration", new TextMapping(new Gemma4Mapping())),
              Map.entry("Qwen2MoeForCausalLM", new QwenMapping("qwen2moe")),
              Map.entry("GraniteMoeForCausalLM", new LlamaMapping("granitemoe")),
              Map.entry("GraniteMoeSharedForCausalLM", new LlamaMapping("granitemoe")),
              Map.entry("GraniteSWAForCausalLM", new GraniteSwaMapping(false)),
              Map.entry("GraniteMoeSWAForCausalLM", new GraniteSwaMapping(true)),
              Map.entry("GptOssForCausalLM", new GptOssMapping()),
              Map.entry("OlmoeForCausalLM", new OlmoeMapping()),
              Map.entry("Glm4MoeForCausalLM", new Glm4MoeMapping("glm4moe")),
              Map.entry("SolarOpenForCausalLM", new Glm4MoeMapping("glm4moe", 1, 0)),
              Map.entry("Dots1ForCausalLM", new Glm4MoeMapping("dots1")),
              Map.entry("Ernie4_5_MoeForCausalLM", new Ernie45MoeMapping()),
              Map.entry("Phi3ForCausalLM", new Phi3Mapping("phi3")),
              Map.entry("GPT2LMHeadModel", new GptMapping("gpt2")),
              Map.entry("GPTNeoForCausalLM", new GptMapping("gpt_neo")),
              Map.entry("OPTForCausalLM", new OptMapping()),
              Map.entry("GPTNeoXForCausalLM", new GptNeoxMapping()),
              Map.entry("Olmo2ForCausalLM", new Olmo2Mapping("olmo2")),
              Map.entry("Olmo3ForCausalLM", new Olmo2Mapping("olmo2")),
              Map.entry("OlmoHybridForCausalLM", new OlmoHybridMapping()),
              Map.entry("FlexOlmoForCausalLM", new Olmo2Mapping("flex_olmo")),
              Map.entry("HyperCLOVAXForCausalLM", new HyperClovaXMapping()),
              Map.entry("ApertusForCausalLM", new ApertusMapping()),
              Map.entry("HunYuanMoEV1ForCausalLM", new HunyuanMapping("hunyuan-moe")),
              Map.entry("GlmForCausalLM", new Glm4Mapping("chatglm")),
              Map.entry("DbrxForCausalLM", new DbrxMapping()),
              Map.entry("MiniMaxM2ForCausalLM", new MiniMaxM2Mapping()),
              Map.entry("Llama4ForCausalLM", new Llama4Mapping()),
              Map.entry("Llama4ForConditionalGeneration", new TextMapping(new Llama4Mapping())),
              Map.entry("BailingMoeV2ForCausalLM", new BailingMoe2Mapping(0.5, 0)),
              Map.entry("SarvamMoEForCausalLM", new BailingMoe2Mapping(1, 1)),
              Map.entry("ExaoneMoeForCausalLM", new ExaoneMoeMapping()),
              Map.entry("ExaoneMoEForCausalLM", new ExaoneMoeMapping()),
              Map.entry("MellumForCausalLM", new MellumMapping()),
              Map.entry("Jais2ForCausalLM", new Jais2Mapping()),
              Map.entry("MiniCPM3ForCausalLM", new MiniCpm3Mapping()),
              Map.entry("PhimoeForCausalLM", new Phi3Mapping("phimoe")),
              Map.entry("PhiMoEForCausalLM", new Phi3Mapping("phimoe")),
              Map.entry("GPTJForCausalLM", new GptMapping("gptj")),
              Map.entry("AfmoeForCausalLM", new AfmoeMapping()),
              Map.entry("NanoChatForCausalLM", new NanoChatMapping()),
              Map.entry("ArceeForCausalLM", new ArceeMapping()),
              Map.entry("ExaoneForCausalLM", new ExaoneMapping()),
              Map.entry("HunYuanDenseV1ForCausalLM", new HunyuanMapping("hunyuan-dense")),
              Map.entry("HYV3ForCausalLM", new HunyuanV3Mapping()),
              Map.entry("MiMoV2FlashForCausalLM", new MiMo2Mapping()),
              Map.entry("GPTBigCodeForCausalLM", new GptMapping("starcoder")),
              Map.entry("MiniCPMForCausalLM", new LlamaMapping("minicpm")),
              Map.entry("XverseForCausalLM", new LlamaMapping("xverse")),
              Map.entry("Ministral3ForCausalLM", new Mistral3Mapping()),
              Map.entry("NemotronForCausalLM", new NemotronMapping()),
              Map.entry("OlmoForCausalLM", new OlmoMapping()),
              Map.entry("OrionForCausalLM", new OrionMapping()),
              Map.entry("Cohere2ForCausalLM", new CohereMapping("cohere2")),
              Map.entry("Cohere2MoeForCausalLM", new Cohere2MoeMapping()),
              Map.entry("CohereForCausalLM", new CohereMapping("command-r")),
              Map.entry("Ernie4_5ForCausalLM", new Ernie45Mapping(1e-5)),
              Map.entry("HeliumForCausalLM", new Ernie45Mapping(1e-8)),
              Map.entry("Exaone4ForCausalLM", new Exaone4Mapping()),
              Map.entry("FalconForCausalLM", new FalconMapping()),
              Map.entry("DeepseekForCausalLM", new DeepseekMapping()),
              Map.entry("DeepseekV2ForCausalLM", new Deepseek2Mapping(Kind.V2)),
              Map.entry("AXK1ForCausalLM", new Deepseek2Mapping(Kind.AXK1)),
              Map.entry("DeepseekV3ForCausalLM", new Deepseek2Mapping(Kind.V3)),
              Map.entry("SarvamMLAForCausalLM", new Deepseek2Mapping(Kind.V3)),
              Map.entry("Glm4MoeLiteForCausalLM", new Deepseek2Mapping(Kind.GLM_FLASH)),
              Map.entry("Mistral4ForCausalLM", new Deepseek2Mapping(Kind.MISTRAL_4)),
              Map.entry("YoutuForCausalLM", new Deepseek2Mapping(Kind.YOUTU)),
              Map.entry("IQuestCoderForCausalLM", new LlamaMapping("llama")),
              Map.entry("InternLM3ForCausalLM", new LlamaMapping("llama", Rope::ofUsualContext)),
              Map.entry("CwmForCausalLM", new LlamaMapping("cwm")),
              Map.entry("Glm4ForCausalLM", new Glm4Mapping("glm4")),
              Map.entry("PhiForCausalLM", new PhiMapping()),
              Map.entry("SeedOssForCausalLM", new SeedOssMapping()),
              Map.entry("Starcoder2ForCausalLM", new StarCoder2Mapping()),
              Map.entry("StableLmForCausalLM", new StableLmMapping()),
              Map.entry("BloomForCausalLM", new BloomMapping()),
              Map.entry("MPTForCausalLM", new MptMapping()),
              Map.entry("MptForCausalLM", new MptMapping())));

  /** Mappings of the texts of Mistral 3, models that see, by what their configs call them. */
  private static final Map<String, Mapping> MISTRAL_3_BY_TEXT =
      new TreeMap<>(
          Map.of(
              "mistral", new TextMapping(new LlamaMapping("llama")),
              "ministral3", new TextMapping(new Mistral3Mapping()),
              "mistral4", new TextMapping(new Deepseek2Mapping(Kind.MISTRAL_4))));

  /**
   * Those that depend on what else configs say: of classes that are several architectures, and of
   * weights that files have multiplied.
   */
  private static final Map<String, Function<Config, Mapping>> BY_CONFIG =
      new TreeMap<>(
          Map.of(
              "BitNetForCausalLM",
              BitnetMapping::of,
              "FalconH1ForCausalLM",
              _ -> new FalconH1Mapping(),
              "GraniteMoeHybridForCausalLM",
              GraniteHybridMapping::of,
              "Mistral3ForConditionalGeneration",
              config -> ofText(config.object("text_config")),
              "NemotronHForCausalLM",
              NemotronHMapping::of));

  private Mappings() {}

  /** The mapping of a config, which names one class of transformers. */
  public static Mapping of(Config config) {
    List<String> names = config.strings("architectures");
    if (names.size() != 1) {
      throw config.error("architectures", names.toString(), "must name one class");
    }
    Function<Config, Mapping> several = BY_CONFIG.get(names.getFirst());
    if (several != null) {
      return several.apply(config);
    }
    Mapping mapping = BY_CLASS.get(names.getFirst());
    if (mapping == null) {
      Set<String> known = new TreeSet<>(BY_CLASS.keySet());
      known.addAll(BY_CONFIG.keySet());
      throw config.unsupported(
          "architectures", names.getFirst(), "supported: " + String.join(", ", known));
    }
    return mapping;
  }

  private static Mapping ofText(Config text) {
    String type = text.string("model_type", "");
    Mapping mapping = MISTRAL_3_BY_TEXT.get(type);
    if (mapping == null) {
      throw text.unsupported(
          "model_type", type, "supported: " + String.join(", ", MISTRAL_3_BY_TEXT.keySet()));
    }
    return mapping;
  }

  /**
   * The mapping to an architecture of GGUF.
   *
   * @param file that needs it, for errors
   */
  public static Mapping ofArchitecture(String name, String file) {
    return Stream.concat(BY_CLASS.values().stream(), BitnetMapping.BOTH.stream())
        .filter(mapping -> mapping.architecture().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new UnsupportedModelException(
                    file,
                    "an adapter of PEFT for the architecture '" + name + "'",
                    "convert it to GGUF"));
  }
}
