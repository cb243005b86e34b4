package dev.vidrio.model.testfiles;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.gguf.GgufTensor;
import dev.vidrio.formats.gguf.GgufValue;
import dev.vidrio.formats.testfiles.GgufWriter;
import dev.vidrio.formats.testfiles.SafetensorsFile;
import dev.vidrio.formats.testfiles.TinyVocabulary;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;

/** The tiny random models of each architecture; generate.py beside them says how they were made. */
public final class TinyModels {
  /** The method that gives their names, for parameterized tests. */
  public static final String NAMES = "dev.vidrio.model.testfiles.TinyModels#names";

  /** The same of those that a directory of transformers is of. */
  public static final String DIRECTORIES = "dev.vidrio.model.testfiles.TinyModels#directories";

  /** Tests run in the directory of their module, beside that of this one. */
  private static final Path DIRECTORY =
      Path.of("../model/src/test/resources/dev/vidrio/model/architecture");

  /** Those whose directories transformers reads by code of their own. */
  private static final Set<String> FILES_ALONE =
      Set.of(
          "arctic",
          "baichuan",
          "baichuan-13b",
          "bailingmoe",
          "codeshell",
          "deci",
          "internlm2",
          "internlm3",
          "jais",
          "maincoder",
          "openelm",
          "pangu-embedded",
          "plamo",
          "plamo3",
          "plm",
          "qwen",
          "refact",
          "smallthinker",
          "step35");

  private static final int VOCABULARY = 64;
  private static final int LONG = 1024;

  private TinyModels() {}

  static List<String> names() {
    return List.of(
        "afmoe",
        "apertus",
        "arcee",
        "arctic",
        "axk1",
        "baichuan",
        "baichuan-13b",
        "bailingmoe",
        "bailingmoe2",
        "bitnet",
        "bitnet-b1.58",
        "bloom",
        "chatglm",
        "codeshell",
        "cohere2",
        "cohere2moe",
        "cohere2moe-softmax",
        "command-r",
        "command-r-head-norms",
        "cwm",
        "dbrx",
        "deci",
        "deepseek",
        "deepseek2-groups",
        "deepseek2-lite",
        "deepseek3",
        "dots1",
        "ernie4_5",
        "ernie4_5-moe",
        "exaone",
        "exaone-moe",
        "exaone4",
        "exaone4-windows",
        "falcon",
        "falcon-h1",
        "falcon-h1-norm",
        "falcon-multi-query",
        "flex_olmo",
        "gemma",
        "gemma2",
        "gemma3",
        "gemma3n",
        "gemma4",
        "gemma4-keys-as-values",
        "gemma4-mixture",
        "glm4",
        "glm4-flash",
        "glm4moe",
        "glm4moe-head-norms",
        "gpt-oss",
        "gpt2",
        "gpt_neo",
        "gptj",
        "gptneox",
        "gptneox-sequential",
        "granite",
        "granite_swa",
        "granite_swa-experts",
        "granite4",
        "granitehybrid",
        "granitehybrid-experts",
        "granitemoe",
        "granitemoe-shared",
        "helium",
        "hunyuan-dense",
        "hunyuan-moe",
        "hy_v3",
        "hyperclovax",
        "hyperclovax-pre-norm",
        "internlm2",
        "jais",
        "jais2",
        "laguna",
        "laguna-elements",
        "lfm2",
        "lfm2moe",
        "lfm3",
        "llama",
        "llama4",
        "llama4-interleaved",
        "maincoder",
        "mellum",
        "mimo2",
        "minicpm",
        "minicpm3",
        "minimax-m2",
        "mistral",
        "mistral3",
        "mistral4",
        "mixtral",
        "mpt",
        "nanochat",
        "nemotron",
        "nemotron_h",
        "nemotron_h_moe",
        "olmo",
        "olmo-clamped",
        "olmo2",
        "olmo3",
        "olmo_hybrid",
        "olmo_hybrid-turning",
        "olmoe",
        "openelm",
        "opt",
        "orion",
        "pangu-embedded",
        "phi2",
        "phi3",
        "phi3-longrope",
        "phimoe",
        "phimoe-longrope",
        "plamo",
        "plamo3",
        "plm",
        "qwen",
        "qwen2",
        "qwen2moe",
        "qwen2vl",
        "qwen3",
        "qwen35",
        "qwen35moe",
        "qwen3moe",
        "qwen3moe-unnormalized",
        "qwen3next",
        "qwen3vl",
        "qwen3vlmoe",
        "refact",
        "sarvam-mla",
        "sarvam-moe",
        "seed_oss",
        "smallthinker",
        "smollm3",
        "solar-open",
        "stablelm",
        "stablelm-head-norms",
        "stablelm-parallel",
        "starcoder",
        "starcoder2",
        "step35",
        "vaultgemma",
        "xverse",
        "youtu");
  }

  /** Whether its first layer has more than attention, or else; the second has attention. */
  public static boolean isHybrid(String name) {
    return name.startsWith("lfm") || isRecurrent(name);
  }

  /** Whether that is a recurrence. */
  public static boolean isRecurrent(String name) {
    return hasDeltaRule(name) || isStateSpace(name);
  }

  /** Whether that is of Mamba 2. */
  public static boolean isStateSpace(String name) {
    return name.matches("falcon-h1.*|granitehybrid.*|nemotron_h.*");
  }

  /** Whether that is of the gated delta rule. */
  private static boolean hasDeltaRule(String name) {
    return name.matches("olmo_hybrid.*|qwen3next|qwen35.*");
  }

  /** Whether gates stand behind its attention. */
  public static boolean hasGates(String name) {
    return name.matches("afmoe|laguna.*|lfm3|step35|qwen3next|qwen35.*");
  }

  /** Whether its heads go through something before they are projected: gates, or a norm. */
  public static boolean changesHeads(String name) {
    return hasGates(name) || name.startsWith("bitnet");
  }

  /** Whether one of its layers has neither attention nor anything in its place. */
  public static boolean lacksAttention(String name) {
    return name.equals("deci");
  }

  /** Whether its blocks hand on several streams. */
  public static boolean hasStreams(String name) {
    return name.equals("gemma3n");
  }

  static List<String> directories() {
    return names().stream().filter(name -> !FILES_ALONE.contains(name)).toList();
  }

  /** Parses a model's GGUF file, copied into the arena. */
  public static Gguf gguf(String model, Arena arena) {
    try {
      byte[] bytes = Files.readAllBytes(DIRECTORY.resolve(model).resolve("model.gguf"));
      MemorySegment data = arena.allocate(bytes.length, 64).copyFrom(MemorySegment.ofArray(bytes));
      return Gguf.parse(model + "/model.gguf", data);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A writer of the same file, whose keys and tensors can be changed. */
  public static GgufWriter writer(String model) {
    var writer = new GgufWriter();
    try (Arena arena = Arena.ofConfined()) {
      Gguf gguf = gguf(model, arena);
      gguf.metadata().entries().forEach((key, value) -> put(writer, key, value));
      for (GgufTensor tensor : gguf.tensors()) {
        long[] shape = tensor.shape().stream().mapToLong(Long::longValue).toArray();
        writer.tensor(tensor.name(), tensor.type(), tensor.data().toArray(JAVA_BYTE), shape);
      }
    }
    return writer;
  }

  /** Writes a model's GGUF file, with a tokenizer, so that it opens like any other. */
  public static Path write(Path file, String model) throws IOException {
    return Files.write(file, withTokenizer(model).toBytes());
  }

  /** Writes one for texts of up to {@value #LONG} tokens. */
  public static Path writeLong(Path file, String model) throws IOException {
    return Files.write(file, longWithTokenizer(model).toBytes());
  }

  /** Writes such a one with a chat template, of characters up to '{@code >}'. */
  public static Path writeChat(Path file, String model, String template) throws IOException {
    GgufWriter writer = longWithTokenizer(model).string("tokenizer.chat_template", template);
    return Files.write(file, writer.toBytes());
  }

  private static GgufWriter withTokenizer(String model) {
    GgufWriter writer = writer(model);
    TinyVocabulary.putFirst(writer, VOCABULARY);
    return writer.bool("tokenizer.ggml.add_bos_token", false);
  }

  private static GgufWriter longWithTokenizer(String model) {
    GgufWriter writer = withTokenizer(model);
    try (Arena arena = Arena.ofConfined()) {
      for (String key : gguf(model, arena).metadata().entries().keySet()) {
        if (key.endsWith(".context_length")) {
          writer.uint32(key, LONG);
        }
      }
    }
    return writer;
  }

  private static void put(GgufWriter writer, String key, GgufValue value) {
    switch (value) {
      case GgufValue.Int number -> writer.integer(key, number.type(), number.value());
      case GgufValue.Real number -> writer.float32(key, (float) number.value());
      case GgufValue.Bool bool -> writer.bool(key, bool.value());
      case GgufValue.Text text ->
          writer.string(key, new String(text.utf8().toArray(JAVA_BYTE), StandardCharsets.UTF_8));
      case GgufValue.Array array ->
          writer.array(key, array.elementType(), array.length(), array.data().toArray(JAVA_BYTE));
    }
  }

  /** What transformers computes: {@code tokens} [n], {@code logits} [n, V]. */
  public static SafetensorsFile expected(String model) {
    try {
      return SafetensorsFile.read(DIRECTORY.resolve(model).resolve("expected.safetensors"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
