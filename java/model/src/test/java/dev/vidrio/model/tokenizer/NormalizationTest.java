package dev.vidrio.model.tokenizer;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.model.InvalidInputException;
import dev.vidrio.model.UnsupportedModelException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

class NormalizationTest {

  @TempDir private Path directory;

  private static HuggingFaceSample sample(String form) throws IOException {
    return HuggingFaceSample.read("hugging-face-byte-level.json", form);
  }

  private Tokenizer read(JsonNode file) throws IOException {
    Files.writeString(directory.resolve("tokenizer.json"), file.toString());
    return Tokenizers.fromHuggingFace(directory);
  }

  @ParameterizedTest
  @ValueSource(strings = {"NFD", "NFC", "NFKD", "NFKC"})
  void encodesAsHuggingFaceDoes(String form) throws IOException {
    sample(form).check(read(sample(form).file()));
  }

  @Test
  void leavesIllFormedBytesInPlace() {
    byte[] e = "e\u0301".getBytes(UTF_8);
    byte[] text = Arrays.copyOf(e, 4);
    text[3] = (byte) 0xCC; // begins a mark that does not come
    byte[] expected = {(byte) 0xC3, (byte) 0xA9, (byte) 0xCC};
    assertArrayEquals(expected, Normalization.NFC.apply(text, 0, text.length));
  }

  @Test
  void refusesEndlessMarks() {
    byte[] marks = "\u0301\u0323".repeat(501).getBytes(UTF_8);
    assertThrows(
        InvalidInputException.class, () -> Normalization.NFC.apply(marks, 0, marks.length));
    assertEquals(2000, Normalization.NFC.apply(marks, 0, 2000).length);
  }

  @Test
  void knowsWhatTextItMayChange() {
    assertTrue(Normalization.NFC.keeps("  "));
    assertTrue(Normalization.NFC.keeps("<|end|]"));
    assertFalse(Normalization.NFC.keeps("<end>")); // with U+0338 the last becomes U+226F
    assertFalse(Normalization.NFC.keeps("\u212b"));
    assertFalse(Normalization.NFC.keeps("K")); // comes from U+212A
    assertFalse(Normalization.NFKC.keeps("  ")); // comes from U+00A0 and others
    assertTrue(Normalization.NONE.keeps("\u212b"));
  }

  @Test
  void refusesTokensThatItMayChange() throws IOException {
    ObjectNode file = sample("NFC").file();
    ((ObjectNode) file.get("added_tokens").get(0)).put("normalized", true);
    String message = assertThrows(UnsupportedModelException.class, () -> read(file)).getMessage();
    assertTrue(message.contains("added token '<end>' with normalized"), message);
  }
}
