package dev.vidrio.formats.testfiles;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.gguf.GgufTensor;
import dev.vidrio.formats.testfiles.TinyModel.Options;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TinyModelTest {

  private static final Options STANDARD = Options.standard();

  private static Gguf parse(Options options) {
    return Gguf.parse("tiny", MemorySegment.ofArray(TinyModel.writer(options).toBytes()));
  }

  private static String tensor(Gguf gguf, String name) {
    return gguf.findTensor(name).map(GgufTensor::toString).orElse("none");
  }

  @Test
  void writesFile(@TempDir Path directory) throws IOException {
    Path path = TinyModel.write(directory.resolve("tiny.gguf"), STANDARD);
    try (Arena arena = Arena.ofConfined()) {
      Gguf gguf = Gguf.open(path, arena);
      assertEquals("llama", gguf.metadata().string("general.architecture"));
      assertEquals(2 + 2 * 9, gguf.tensors().size());
    }
  }

  @Test
  void usesRequestedMatrixType() {
    for (GgmlType type :
        List.of(GgmlType.F32, GgmlType.F16, GgmlType.Q8_0, GgmlType.Q4_0, GgmlType.Q4_1)) {
      for (GgufTensor tensor : parse(STANDARD.withType(type).withTied(false)).tensors()) {
        GgmlType expected = tensor.shape().size() == 1 ? GgmlType.F32 : type;
        assertEquals(expected, tensor.type(), tensor.name());
      }
    }
  }

  @Test
  void addsTensorsAndKeysByOption() {
    assertEquals("none", tensor(parse(STANDARD), "output.weight"));
    assertEquals(
        "output.weight F32 [32, 264]", tensor(parse(STANDARD.withTied(false)), "output.weight"));
    Gguf heads = parse(STANDARD.withHeads(8, 2).withBiases(true));
    assertEquals("blk.1.attn_q.bias F32 [32]", tensor(heads, "blk.1.attn_q.bias"));
    assertEquals("blk.1.attn_k.weight F32 [32, 8]", tensor(heads, "blk.1.attn_k.weight"));
    assertEquals("blk.1.attn_v.bias F32 [8]", tensor(heads, "blk.1.attn_v.bias"));
    assertEquals(
        "rope_freqs.weight F32 [4]",
        tensor(parse(STANDARD.withRopeFactors(true)), "rope_freqs.weight"));
    assertEquals(
        Optional.of("yarn"),
        parse(STANDARD.withRopeScaling("yarn"))
            .metadata()
            .optionalString("llama.rope.scaling.type"));
  }

  @Test
  void derivesWeightsFromSeed() {
    byte[] first = TinyModel.writer(STANDARD).toBytes();
    assertArrayEquals(first, TinyModel.writer(STANDARD).toBytes());
    MemorySegment other = parse(STANDARD.withSeed(2)).tensor("token_embd.weight").data();
    assertTrue(other.mismatch(parse(STANDARD).tensor("token_embd.weight").data()) >= 0);
  }

  @Test
  void hasTokenForEveryByteAndMerge() {
    List<String> tokens = parse(STANDARD).metadata().strings("tokenizer.ggml.tokens");
    assertEquals(TinyModel.VOCABULARY, tokens.size());
    assertEquals(tokens.size(), new HashSet<>(tokens).size());
    assertEquals("<|endoftext|>", tokens.get(0));
    assertEquals(
        List.of("A", "Ġ", "Ċ", "é"),
        List.of(at(tokens, 'A'), at(tokens, ' '), at(tokens, '\n'), at(tokens, 0xe9)));
    assertEquals(List.of("Ġt", "he", "Ġthe"), tokens.subList(257, 260));
  }

  private static String at(List<String> tokens, int value) {
    return tokens.get(1 + value);
  }
}
