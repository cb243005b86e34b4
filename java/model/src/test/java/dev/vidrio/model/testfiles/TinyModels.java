package dev.vidrio.model.testfiles;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.gguf.GgufTensor;
import dev.vidrio.formats.gguf.GgufValue;
import dev.vidrio.formats.testfiles.GgufWriter;
import dev.vidrio.formats.testfiles.SafetensorsFile;
import dev.vidrio.formats.testfiles.TinyVocabulary;
import dev.vidrio.model.SupportedArchitectures;
import dev.vidrio.model.architecture.ArchitectureInfo;
import dev.vidrio.model.architecture.Trait;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/** The tiny random models of each architecture; generate.py beside them says how they were made. */
public final class TinyModels {
  /** The method that gives their names, for parameterized tests. */
  public static final String NAMES = "dev.vidrio.model.testfiles.TinyModels#names";

  /** The method that gives the names of those that also exist with a draft block. */
  public static final String WITH_DRAFT_BLOCK =
      "dev.vidrio.model.testfiles.TinyModels#namesWithDraftBlock";

  /** The method that gives the names of those with latent attention. */
  public static final String WITH_LATENT_ATTENTION =
      "dev.vidrio.model.testfiles.TinyModels#namesWithLatentAttention";

  /** The method that gives the names of those that have an EAGLE-3 head. */
  public static final String WITH_DRAFT_HEAD =
      "dev.vidrio.model.testfiles.TinyModels#namesWithDraftHead";

  /** The method that gives a sample of them, or all with the profile "exhaustive". */
  public static final String SAMPLE = "dev.vidrio.model.testfiles.TinyModels#sample";

  /** The method that gives a sample of them that has all traits of architectures. */
  public static final String OF_ALL_TRAITS = "dev.vidrio.model.testfiles.TinyModels#ofAllTraits";

  /** Fixtures that are also directories written by transformers. */
  public static final String DIRECTORIES = "dev.vidrio.model.testfiles.TinyModels#directories";

  /** Tests run in the directory of their module, beside that of this one. */
  private static final Path DIRECTORY =
      Path.of("../model/src/test/resources/dev/vidrio/model/architecture");

  /** The models with a draft block. */
  private static final Path DRAFT_BLOCKS =
      Path.of("../model/src/test/resources/dev/vidrio/model/drafts");

  /** The EAGLE-3 heads of models. */
  private static final Path DRAFT_HEADS = DRAFT_BLOCKS.resolve("heads");

  /** Fixtures with quantized weights, so that logits differ from those of transformers. */
  private static final Set<String> QUANTIZED = Set.of("gpt-oss-mxfp4");

  private static final Map<String, ArchitectureInfo> ARCHITECTURES = new ConcurrentHashMap<>();

  private static final int VOCABULARY = 64;
  private static final int LONG = 1024;

  private TinyModels() {}

  public static List<String> names() {
    return with("expected.safetensors").filter(name -> !QUANTIZED.contains(name)).toList();
  }

  public static List<String> namesWithLatentAttention() {
    return names().stream().filter(name -> has(name, Trait.LATENT_ATTENTION)).toList();
  }

  public static List<String> namesWithDraftBlock() {
    return names(DRAFT_BLOCKS);
  }

  public static List<String> namesWithDraftHead() {
    return names(DRAFT_HEADS);
  }

  private static List<String> names(Path directory) {
    try (Stream<Path> files = Files.list(directory)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.endsWith(".gguf"))
          .map(name -> name.replace(".gguf", ""))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Returns models that have all traits of architectures between them, or all with the profile
   * "exhaustive".
   */
  public static List<String> sample() {
    return Boolean.getBoolean("vidrio.test.exhaustive") ? names() : ofAllTraits();
  }

  /** Returns models that have all traits of architectures between them. */
  public static List<String> ofAllTraits() {
    Set<Trait> missing = EnumSet.allOf(Trait.class);
    return names().stream()
        .filter(name -> name.equals("llama") || missing.removeAll(architecture(name).traits()))
        .toList();
  }

  public static List<String> directories() {
    return with("config.json").filter(name -> !QUANTIZED.contains(name)).toList();
  }

  /** Returns the names of the fixtures that have a file, sorted. */
  private static Stream<String> with(String file) {
    try (Stream<Path> directories = Files.list(DIRECTORY)) {
      return directories
          .filter(directory -> Files.exists(directory.resolve(file)))
          .map(directory -> directory.getFileName().toString())
          .sorted()
          .toList()
          .stream();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns the architecture of a fixture. */
  public static ArchitectureInfo architecture(String name) {
    return ARCHITECTURES.computeIfAbsent(
        name,
        model -> {
          try (Arena arena = Arena.ofConfined()) {
            String architecture = gguf(model, arena).metadata().string("general.architecture");
            return SupportedArchitectures.find(architecture).orElseThrow();
          }
        });
  }

  /** Returns whether the architecture of a fixture has a trait. */
  public static boolean has(String name, Trait trait) {
    return architecture(name).traits().contains(trait);
  }

  /** Returns whether the file of a fixture has a key of its architecture. */
  public static boolean hasKey(String name, String key) {
    try (Arena arena = Arena.ofConfined()) {
      return gguf(name, arena).metadata().contains(architecture(name).name() + "." + key);
    }
  }

  /** Returns whether the first layer has something other than attention. */
  public static boolean isHybrid(String name) {
    return has(name, Trait.SHORT_CONVOLUTION) || isRecurrent(name);
  }

  /** Returns whether the first layer has a recurrence. */
  public static boolean isRecurrent(String name) {
    return has(name, Trait.GATED_DELTA_RULE) || has(name, Trait.MAMBA_2) || has(name, Trait.RG_LRU);
  }

  /** Returns whether attention is gated or normalized before the output projection. */
  public static boolean changesHeads(String name) {
    return has(name, Trait.ATTENTION_GATE) || has(name, Trait.ATTENTION_OUTPUT_NORM);
  }

  /** Parses a model's GGUF file, copied into the arena. */
  public static Gguf gguf(String model, Arena arena) {
    return gguf(model + "/model.gguf", DIRECTORY.resolve(model).resolve("model.gguf"), arena);
  }

  /** Parses the file of a model with a draft block; its other tensors are those of the model. */
  public static Gguf ggufWithDraftBlock(String model, Arena arena) {
    return gguf(model + ".gguf", DRAFT_BLOCKS.resolve(model + ".gguf"), arena);
  }

  private static Gguf gguf(String name, Path file, Arena arena) {
    try {
      byte[] bytes = Files.readAllBytes(file);
      MemorySegment data = arena.allocate(bytes.length, 64).copyFrom(MemorySegment.ofArray(bytes));
      return Gguf.parse(name, data);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A writer of the same file, to change its keys and tensors. */
  public static GgufWriter writer(String model) {
    try (Arena arena = Arena.ofConfined()) {
      return writer(gguf(model, arena));
    }
  }

  /** A writer of a model with a draft block and a tokenizer, for texts of up to {@value #LONG}. */
  public static GgufWriter withDraftBlock(String model) {
    try (Arena arena = Arena.ofConfined()) {
      GgufWriter writer = writer(ggufWithDraftBlock(model, arena));
      TinyVocabulary.putFirst(writer, VOCABULARY);
      return writer
          .bool("tokenizer.ggml.add_bos_token", false)
          .uint32(architecture(model).name() + ".context_length", LONG);
    }
  }

  /**
   * Results of llama.cpp for a model with a draft block: {@code tokens} [n]; {@code logits} [n, V]
   * of the model; {@code block_logits} [n, V] of the block; {@code drafts} [COUNT, V] after them.
   */
  public static SafetensorsFile expectedOfDraftBlock(String model) {
    return results(DRAFT_BLOCKS.resolve(model + ".safetensors"));
  }

  /** Returns the file of the EAGLE-3 head of a model. */
  public static Path draftHead(String model) {
    return DRAFT_HEADS.resolve(model + ".gguf");
  }

  /** A writer of the EAGLE-3 head of a model. */
  public static GgufWriter draftHeadWriter(String model) {
    try (Arena arena = Arena.ofConfined()) {
      return writer(gguf(model + " head", draftHead(model), arena));
    }
  }

  /**
   * Results of llama.cpp for a model with an EAGLE-3 head, as {@link #expectedOfDraftBlock}; {@code
   * block_logits} [n − 1, V] begin with the second token.
   */
  public static SafetensorsFile expectedOfDraftHead(String model) {
    return results(DRAFT_HEADS.resolve(model + ".safetensors"));
  }

  private static GgufWriter writer(Gguf gguf) {
    var writer = new GgufWriter();
    gguf.metadata().entries().forEach((key, value) -> put(writer, key, value));
    for (GgufTensor tensor : gguf.tensors()) {
      long[] shape = tensor.shape().stream().mapToLong(Long::longValue).toArray();
      writer.tensor(tensor.name(), tensor.type(), tensor.data().toArray(JAVA_BYTE), shape);
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

  public static GgufWriter longWithTokenizer(String model) {
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

  /** Results of transformers: {@code tokens} [n], {@code logits} [n, V]. */
  public static SafetensorsFile expected(String model) {
    return results(DIRECTORY.resolve(model).resolve("expected.safetensors"));
  }

  private static SafetensorsFile results(Path file) {
    try {
      return SafetensorsFile.read(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
