package dev.vidrio.model.huggingface;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.ModelException;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.gguf.GgufTensor;
import dev.vidrio.model.Model;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.generation.TextStream;
import dev.vidrio.model.huggingface.checkpoint.Checkpoint;
import dev.vidrio.model.quantize.QuantizeOptions;
import dev.vidrio.model.quantize.Quantizer;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.tokenizer.Tokenizer;
import dev.vidrio.tokenizer.Tokenizers;
import dev.vidrio.tokenizer.vocabulary.TokenModel;
import dev.vidrio.tokenizer.vocabulary.TokenType;
import dev.vidrio.tokenizer.vocabulary.Vocabulary;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Directories open in the terms of GGUF; hostile ones are refused by name. That the terms are right
 * for each architecture is shown with the architectures, against files of llama.cpp's converter.
 */
class HuggingFaceModelTest {
  private static final String Q = "model.layers.0.self_attn.q_proj.weight";

  @TempDir private Path directory;

  private Gguf open(Arena arena) {
    return HuggingFaceModel.open(directory, arena).toGguf(arena);
  }

  private void assertRefused(String expected) {
    try (Arena arena = Arena.ofShared()) {
      String message = assertThrows(ModelException.class, () -> open(arena)).getMessage();
      assertTrue(message.startsWith(directory.toString()), message);
      assertTrue(message.contains(expected), () -> expected + " in: " + message);
    }
  }

  @Test
  void shardsAndSingleFilesAreTheSame(@TempDir Path other) throws IOException {
    new TinyDirectory().write(directory);
    new TinyDirectory().writeSharded(other);
    try (Arena arena = Arena.ofShared()) {
      Gguf single = open(arena);
      Gguf sharded = HuggingFaceModel.open(other, arena).toGguf(arena);
      assertEquals(12, single.tensors().size());
      for (GgufTensor tensor : single.tensors()) {
        assertEquals(-1, tensor.data().mismatch(sharded.tensor(tensor.name()).data()));
      }
    }
  }

  /** Row 2i of a head is the checkpoint's row i, row 2i + 1 its row i + d_h/2. */
  @Test
  void rotaryPairsBecomeAdjacent() throws IOException {
    new TinyDirectory().write(directory);
    try (Arena arena = Arena.ofShared()) {
      var q = open(arena).tensor("blk.0.attn_q.weight").data();
      var original = Objects.requireNonNull(Checkpoint.open(directory, arena).get(Q)).data();
      for (int row = 0; row < 32; row++) {
        int from = row / 8 * 8 + row % 8 / 2 + (row % 2 == 0 ? 0 : 4);
        assertEquals(-1, q.asSlice(row * 128L, 128).mismatch(original.asSlice(from * 128L, 128)));
      }
    }
  }

  /** The formula of the release notes of Llama 3.1, for a wave of each kind. */
  @Test
  void llama3ScalesLongWavesOnly() throws IOException {
    Map<String, Object> scaling =
        Map.of(
            "rope_type", "llama3",
            "factor", 8,
            "low_freq_factor", 1,
            "high_freq_factor", 4,
            "original_max_position_embeddings", 2048);
    new TinyDirectory().with("rope_scaling", scaling).with("rope_theta", 5e5).write(directory);
    try (Arena arena = Arena.ofShared()) {
      float[] divisors =
          open(arena).tensor("rope_freqs.weight").data().toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
      assertEquals(4, divisors.length);
      assertEquals(1, divisors[0]);
      double turns = 2048 * Math.pow(5e5, -0.5) / (2 * Math.PI);
      assertTrue(turns < 1);
      assertEquals(8, divisors[2]);
      assertEquals(8, divisors[3]);
    }
  }

  private static Arguments config(String name, UnaryOperator<TinyDirectory> edit, String expected) {
    return Arguments.of(name, edit, expected);
  }

  static List<Arguments> hostileConfigs() {
    return List.of(
        config("no-architectures", d -> d.without("architectures"), "'architectures': is missing"),
        config("text", d -> d.with("architectures", "x"), "'architectures': must be an array"),
        config("unknown", d -> d.with("architectures", List.of("Mamba")), "Mamba is not supported"),
        config("two", d -> d.with("architectures", List.of("a", "b")), "must name one class"),
        config("no-width", d -> d.without("hidden_size"), "key 'hidden_size': is missing"),
        config("width-0", d -> d.with("hidden_size", 0), "'hidden_size' 0: must be 1 to"),
        config("width-real", d -> d.with("hidden_size", 1.5), "1.5: must be an integer"),
        config("width-huge", d -> d.with("hidden_size", 1L << 40), "must be 1 to 16777216"),
        config("heads", d -> d.with("num_attention_heads", 5), "5: must divide hidden_size 32"),
        config("head-odd", d -> d.with("head_dim", 7), "'head_dim' 7: must be even"),
        config(
            "rows", d -> d.with("num_attention_heads", 2).with("head_dim", 8), "must have 16 rows"),
        config(
            "layers",
            d -> d.with("num_hidden_layers", 2),
            "'model.layers.1.input_layernorm.weight': is"),
        config("layers-huge", d -> d.with("num_hidden_layers", 1 << 24), "is missing"),
        config("activation", d -> d.with("hidden_act", "relu2"), "\"relu2\" is not supported"),
        config("epsilon", d -> d.with("rms_norm_eps", "small"), "must be a finite number"),
        config(
            "rope", d -> d.with("rope_scaling", Map.of("type", "dynamic")), "rope_type' dynamic"),
        config("rope-text", d -> d.with("rope_scaling", "yarn"), "must be an object"),
        config(
            "rope-factor",
            d -> d.with("rope_scaling", Map.of("type", "linear")),
            "rope_scaling.factor'"),
        config(
            "partial",
            d -> d.with("partial_rotary_factor", 0.5),
            "key 'partial_rotary_factor' 0.5 is not supported: RoPE must rotate whole heads"),
        config(
            "partial-of-rope",
            d -> d.with("rope_parameters", Map.of("partial_rotary_factor", 0.5)),
            "key 'rope_parameters.partial_rotary_factor' 0.5 is not supported"),
        config("quantized", d -> d.with("quantization_config", Map.of()), "'quantization_config'"),
        config(
            "tensor-more",
            d -> d.tensor("model.extra", 3),
            "tensor 'model.extra' is not supported"),
        config(
            "tensor-less",
            d -> d.withoutTensor("model.norm.weight"),
            "'model.norm.weight': is missing"),
        config(
            "tensor-scalar", d -> d.tensor("model.norm.weight"), "must be 1 to 4 positive sizes"),
        config(
            "tensor-empty",
            d -> d.tensor("model.norm.weight", 0),
            "must be 1 to 4 positive sizes"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("hostileConfigs")
  void hostileConfigsAreRefused(String name, UnaryOperator<TinyDirectory> edit, String expected)
      throws IOException {
    edit.apply(new TinyDirectory()).write(directory);
    assertRefused(expected);
  }

  @Test
  void configsThatAreNoJsonAreRefused() throws IOException {
    new TinyDirectory().write(directory);
    Path config = directory.resolve("config.json");
    Files.writeString(config, "{\"hidden_size\": 1, \"hidden_size\": 2}");
    assertRefused("config.json: invalid JSON: Duplicate");
    Files.writeString(config, "[".repeat(100_000));
    assertRefused("config.json: invalid JSON");
    Files.writeString(config, "");
    assertRefused("config.json: must hold a JSON object");
    Files.writeString(config, "7");
    assertRefused("config.json: must hold a JSON object");
    Files.writeString(config, " ".repeat(5 << 20));
    assertRefused("config.json: size 5242880: must be at most 4194304");
    Files.delete(config);
    assertRefused("config.json: no such file");
    Files.createDirectory(config);
    assertRefused("config.json: is not a regular file");
  }

  @Test
  void directoriesWithoutWeightsAreRefused() throws IOException {
    new TinyDirectory().writeConfig(directory);
    assertRefused("has neither model.safetensors nor model.safetensors.index.json");
  }

  @Test
  void indexesThatLeadElsewhereAreRefused(@TempDir Path other) throws IOException {
    new TinyDirectory().writeSharded(directory);
    Path stolen = Files.write(other.resolve("a.safetensors"), new byte[100]);
    for (String file :
        List.of(
            "../a.safetensors",
            stolen.toString(),
            "a/b.safetensors",
            "..",
            "",
            "a.bin",
            ".a.safetensors",
            "a\\b.safetensors",
            "C:a.safetensors",
            "a\0.safetensors")) {
      TinyDirectory.writeIndex(directory, Map.of(Q, file));
      assertRefused("must be the name of a .safetensors file in the same directory");
    }
    Files.createSymbolicLink(directory.resolve("link.safetensors"), stolen);
    TinyDirectory.writeIndex(directory, Map.of(Q, "link.safetensors"));
    assertRefused("link.safetensors: is a symbolic link out of the directory");
    Files.createSymbolicLink(directory.resolve("model.safetensors"), stolen);
    assertRefused("model.safetensors: is a symbolic link out of the directory");
  }

  @Test
  void indexesThatContradictTheirFilesAreRefused() throws IOException {
    new TinyDirectory().writeSharded(directory);
    String first = "model-00001-of-00002.safetensors";
    TinyDirectory.writeIndex(directory, Map.of(Q, "none.safetensors"));
    assertRefused("none.safetensors: no such file");
    TinyDirectory.writeIndex(directory, Map.of("model.other", first));
    assertRefused("'model.other' " + first + ": the file has no such tensor");
    TinyDirectory.writeIndex(directory, Map.of(Q, first));
    assertRefused("is missing, but " + directory.resolve(first) + " has it");
    Path index = directory.resolve("model.safetensors.index.json");
    Files.writeString(index, "{\"weight_map\": []}");
    assertRefused("weight_map: must be an object of file names");
    Files.writeString(index, "{\"weight_map\": {\"a\": \"b.safetensors\", \"a\": \"c\"}}");
    assertRefused("invalid JSON: Duplicate");
    Files.writeString(index, "{\"weight_map\": {\"a\": 3}}");
    assertRefused("weight_map 'a' 3: must be the name");
  }

  /** Snapshots in huggingface_hub's cache are links to blobs beside them. */
  @Test
  void snapshotsOfTheCacheOpen() throws IOException {
    Path snapshot = Files.createDirectories(directory.resolve("snapshots/abc"));
    Path blobs = Files.createDirectories(directory.resolve("blobs"));
    new TinyDirectory().write(snapshot);
    Path file = snapshot.resolve("model.safetensors");
    Files.move(file, blobs.resolve("0123"));
    Files.createSymbolicLink(file, Path.of("../../blobs/0123"));
    try (Arena arena = Arena.ofShared()) {
      assertEquals(12, HuggingFaceModel.open(snapshot, arena).tensors().size());
    }
  }

  @Test
  void tokenizersAreRead() throws IOException {
    new TinyDirectory().write(directory);
    TinyDirectory.writeTokenizer(directory);
    Files.writeString(directory.resolve("chat_template.jinja"), "{{ messages }}");
    try (Arena arena = Arena.ofShared()) {
      Gguf gguf = open(arena);
      Tokenizer tokenizer = Tokenizers.fromGguf(gguf.metadata());
      assertArrayEquals(new int[] {10, 4, 8, 12}, tokenizer.encode("abcdeab<end>"));
      assertEquals(TinyDirectory.V, tokenizer.vocabularySize());
      assertEquals("{{ messages }}", gguf.metadata().string("tokenizer.chat_template"));
    }
  }

  /** The keys of GGUF, and Vidrio's own for what these cannot say, lose nothing of a vocabulary. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        """
        "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "first",
          "split": false}, "model": {"byte_fallback": true,\
        """,
        """
        "normalizer": {"type": "NFC"}, "pre_tokenizer": {"type": "ByteLevel",
          "add_prefix_space": false}, "model": {"byte_fallback": false,\
        """,
        """
        "normalizer": {"type": "Lowercase"}, "pre_tokenizer": {"type": "Whitespace"},
          "model": {"unk_token": "a",\
        """
      })
  void vocabulariesAreKeptWhole(String pipeline) throws IOException {
    new TinyDirectory().write(directory);
    StringBuilder vocabulary = new StringBuilder("\"a\": 256, \"b\": 257, \"ab\": 258");
    for (int b = 0; b < 256; b++) {
      vocabulary.append(String.format(Locale.ROOT, ", \"<0x%02X>\": %d", b, b));
    }
    Files.writeString(
        directory.resolve("tokenizer.json"),
        "{"
            + pipeline
            + "\"type\": \"BPE\", \"merges\": [\"a b\"], \"vocab\": {"
            + vocabulary
            + "}}, \"added_tokens\": [{\"id\": 259, \"content\": \"<end>\", \"rstrip\": true,"
            + " \"single_word\": true}]}");
    try (Arena arena = Arena.ofShared()) {
      Vocabulary expected = Tokenizers.readHuggingFace(directory);
      Vocabulary actual = Tokenizers.readVocabulary(open(arena).metadata());
      assertEquals(expected.model(), actual.model());
      assertEquals(expected.tokens(), actual.tokens());
      assertEquals(expected.types(), actual.types());
      assertEquals(expected.literalRules(), actual.literalRules());
      assertEquals(Set.of(259), actual.literalRules().stripsRight());
      assertEquals(Set.of(259), actual.literalRules().singleWords());
    }
  }

  @Test
  void unigramScoresAreKeptWhole() throws IOException {
    new TinyDirectory().write(directory);
    StringBuilder vocabulary = new StringBuilder("[\"<unk>\", 0.0]");
    for (int id = 1; id < 260; id++) {
      vocabulary.append(String.format(Locale.ROOT, ", [\"t%d\", %s]", id, -Math.sqrt(id)));
    }
    Files.writeString(
        directory.resolve("tokenizer.json"),
        "{\"model\": {\"type\": \"Unigram\", \"unk_id\": 0, \"vocab\": [" + vocabulary + "]}}");
    try (Arena arena = Arena.ofShared()) {
      Vocabulary expected = Tokenizers.readHuggingFace(directory);
      Vocabulary actual = Tokenizers.readVocabulary(open(arena).metadata());
      assertEquals(expected.model(), actual.model());
      TokenModel.Pipeline pipeline = assertInstanceOf(TokenModel.Pipeline.class, actual.model());
      assertEquals(-Math.sqrt(259), pipeline.scores().getLast());
    }
  }

  /** Embeddings without a token are of unused ones, which models may choose. */
  @Test
  void tokensAreAsManyAsEmbeddings(@TempDir Path other) throws IOException {
    new TinyDirectory().write(directory);
    TinyDirectory.writeTokenizer(directory);
    Path file = other.resolve("model.gguf");
    Quantizer.convert(directory, file, QuantizeOptions.keepTypes());
    try (Arena arena = Arena.ofShared()) {
      Vocabulary vocabulary = Tokenizers.readVocabulary(Gguf.open(file, arena).metadata());
      assertEquals(TinyDirectory.V, vocabulary.tokens().size());
      assertEquals(TokenType.UNUSED, vocabulary.types().getLast());
    }
    try (Model model = Model.open(directory)) {
      assertEquals("", model.tokenizer().decode(TinyDirectory.V - 1));
    }
  }

  @Test
  void modelsWithoutTokenizersTakeTokenIds() throws IOException {
    new TinyDirectory().write(directory);
    try (Model model = Model.open(directory);
        TextStream stream =
            model.generate(
                new int[] {1, 2}, GenerationOptions.DEFAULT.withTokens(3).withIgnoreEnd(true))) {
      assertEquals("", stream.result().text());
      String message =
          assertThrows(ModelException.class, () -> model.tokenizer().encode("a")).getMessage();
      assertTrue(message.contains("has no tokenizer"), message);
    }
  }

  /** The logits of a directory and of the file that it is converted to have the same bits. */
  @Test
  void modelsRunFromDirectories(@TempDir Path other) throws IOException {
    new TinyDirectory().write(directory);
    TinyDirectory.writeTokenizer(directory);
    Path file = other.resolve("model.gguf");
    Quantizer.convert(directory, file, QuantizeOptions.keepTypes());
    assertArrayEquals(logits(directory), logits(file));
  }

  private static float[] logits(Path path) {
    try (Model model = Model.open(path);
        Session session = model.newSession(SessionOptions.DEFAULT)) {
      int[] tokens = model.tokenizer().encode("abcdefgh");
      return session.feed(session.newSequence(), tokens).toArray(ValueLayout.JAVA_FLOAT);
    }
  }
}
