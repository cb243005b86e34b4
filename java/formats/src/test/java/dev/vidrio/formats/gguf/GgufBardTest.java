package dev.vidrio.formats.gguf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.bard.Bard;
import dev.vidrio.error.ModelException;
import dev.vidrio.formats.testfiles.BardFiles;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;

/**
 * Compares two real files with their model card and with the values read by the ggml project's
 * Python package (gguf 0.19).
 */
class GgufBardTest {

  private static byte[] embedded() throws IOException {
    try (InputStream in = Bard.open()) {
      return in.readAllBytes();
    }
  }

  private static Gguf q8() throws IOException {
    return Gguf.parse("bard", MemorySegment.ofArray(embedded()));
  }

  private static Gguf f32(Arena arena) {
    return Gguf.open(BardFiles.f32(), arena);
  }

  private static String crc(MemorySegment data) {
    CRC32 crc = new CRC32();
    crc.update(data.asByteBuffer());
    return HexFormat.of().toHexDigits(crc.getValue(), 8);
  }

  private static String crc(List<String> strings) {
    byte[] utf8 = String.join("\n", strings).getBytes(StandardCharsets.UTF_8);
    return crc(MemorySegment.ofArray(utf8));
  }

  /** Returns name, type, shape, offset, size and checksum of a tensor's data. */
  private static String describe(Gguf gguf, String tensor) {
    GgufTensor t = gguf.tensor(tensor);
    return t + " " + t.offset() + " " + t.data().byteSize() + " " + crc(t.data());
  }

  @Test
  void matchesModelCard() throws IOException {
    Metadata metadata = q8().metadata();
    assertEquals("llama", metadata.string("general.architecture"));
    assertEquals("CC0-1.0", metadata.string("general.license"));
    assertEquals(256, metadata.intValue("llama.embedding_length", 1, 1 << 16));
    assertEquals(4, metadata.intValue("llama.block_count", 1, 512));
    assertEquals(8, metadata.intValue("llama.attention.head_count", 1, 1024));
    assertEquals(4, metadata.intValue("llama.attention.head_count_kv", 1, 1024));
    assertEquals(32, metadata.intValue("llama.rope.dimension_count", 1, 1024));
    assertEquals(768, metadata.intValue("llama.feed_forward_length", 1, 1 << 16));
    assertEquals(2048, metadata.intValue("llama.vocab_size", 1, 1 << 20));
    assertEquals(1024, metadata.intValue("llama.context_length", 1, 1 << 20));
    assertEquals(1e-5f, metadata.floatValue("llama.attention.layer_norm_rms_epsilon", 0, 1));
    assertEquals(10000f, metadata.floatValue("llama.rope.freq_base", 1, 1e9f));
    assertEquals("gpt2", metadata.string("tokenizer.ggml.model"));
    assertEquals("gpt-2", metadata.string("tokenizer.ggml.pre"));
    assertEquals(0, metadata.intValue("tokenizer.ggml.bos_token_id", 0, 2047));
    assertEquals(0, metadata.intValue("tokenizer.ggml.eos_token_id", 0, 2047));
    assertTrue(metadata.boolValue("tokenizer.ggml.add_bos_token"));
    assertFalse(metadata.boolValue("tokenizer.ggml.add_eos_token"));
  }

  @Test
  void readsQuantizedFileLikePythonPackage() throws IOException {
    Gguf gguf = q8();
    assertEquals(3, gguf.version());
    assertEquals(3_969_536, gguf.size());
    assertEquals(60_928, gguf.dataOffset());
    assertEquals(32, gguf.alignment());
    assertEquals(38, gguf.tensors().size());
    assertEquals(26, gguf.metadata().entries().size());
    assertEquals(3_672_320, gguf.tensors().stream().mapToLong(GgufTensor::elements).sum());
    assertEquals(3_908_608, gguf.tensors().stream().mapToLong(t -> t.data().byteSize()).sum());
    assertEquals(
        List.of(
            "token_embd.weight Q8_0 [256, 2048] 60928 557056 48428de3",
            "output_norm.weight F32 [256] 617984 1024 fa6a382b",
            "blk.3.ffn_down.weight Q8_0 [768, 256] 3760640 208896 24731a35",
            "blk.2.attn_k.weight Q8_0 [256, 128] 2364928 34816 6560d276"),
        List.of(
            describe(gguf, "token_embd.weight"),
            describe(gguf, "output_norm.weight"),
            describe(gguf, "blk.3.ffn_down.weight"),
            describe(gguf, "blk.2.attn_k.weight")));
  }

  @Test
  void readsFloatFileLikePythonPackage() {
    try (Arena arena = Arena.ofConfined()) {
      Gguf gguf = f32(arena);
      assertEquals(3, gguf.version());
      assertEquals(14_750_176, gguf.size());
      assertEquals(60_896, gguf.dataOffset());
      assertEquals(3_672_320, gguf.tensors().stream().mapToLong(GgufTensor::elements).sum());
      assertEquals(
          List.of(
              "token_embd.weight F32 [256, 2048] 60896 2097152 2f633e1d",
              "output_norm.weight F32 [256] 2158048 1024 fa6a382b",
              "blk.3.ffn_down.weight F32 [768, 256] 13963744 786432 ef88df7d",
              "blk.2.attn_k.weight F32 [256, 128] 8717792 131072 3c4a5054"),
          List.of(
              describe(gguf, "token_embd.weight"),
              describe(gguf, "output_norm.weight"),
              describe(gguf, "blk.3.ffn_down.weight"),
              describe(gguf, "blk.2.attn_k.weight")));
    }
  }

  @Test
  void readsVocabularyLikePythonPackage() throws IOException {
    Metadata metadata = q8().metadata();
    List<String> tokens = metadata.strings("tokenizer.ggml.tokens");
    assertEquals(2048, tokens.size());
    assertEquals(List.of("<|endoftext|>", "!", "\"", "#", "$"), tokens.subList(0, 5));
    assertEquals(List.of("ĠMy", "Ġbless", "<unused2047>"), tokens.subList(2045, 2048));
    assertEquals("64e80270", crc(tokens));
    List<String> merges = metadata.strings("tokenizer.ggml.merges");
    assertEquals(1790, merges.size());
    assertEquals("55ac3c12", crc(merges));
    int[] types = metadata.ints("tokenizer.ggml.token_type");
    assertEquals(2048, types.length);
    assertEquals(2054, Arrays.stream(types).sum());
    assertEquals(List.of(3, 1, 5), List.of(types[0], types[1], types[2047]));
  }

  @Test
  void findsSameTensorsInBothFiles() throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      Gguf f32 = f32(arena);
      List<String> names = f32.tensors().stream().map(GgufTensor::name).toList();
      assertEquals(names, q8().tensors().stream().map(GgufTensor::name).toList());
      assertEquals("token_embd.weight", names.get(0));
      assertEquals("blk.3.ffn_down.weight", names.get(37));
    }
  }

  @Test
  void rejectsEveryTruncationOfRealHeader() throws IOException {
    byte[] bytes = embedded();
    for (int length = 0; length < 60_928; length += 101) {
      MemorySegment cut = MemorySegment.ofArray(Arrays.copyOf(bytes, length));
      assertThrows(ModelException.class, () -> Gguf.parse("cut", cut));
    }
  }
}
