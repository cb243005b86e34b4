package dev.vidrio.tokenizer.vocabulary;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.tokenizer.Tokenizer;
import dev.vidrio.tokenizer.Tokenizers;
import dev.vidrio.tokenizer.huggingface.HuggingFaceSample;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

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
  void encodesLikeHuggingFace(String form) throws IOException {
    sample(form).check(read(sample(form).file()));
  }

  @Test
  void keepsIllFormedBytes() {
    byte[] e = "e\u0301".getBytes(UTF_8);
    byte[] text = Arrays.copyOf(e, 4);
    text[3] = (byte) 0xCC; // the lead byte of an incomplete mark
    byte[] expected = {(byte) 0xC3, (byte) 0xA9, (byte) 0xCC};
    assertArrayEquals(expected, Normalization.NFC.apply(text, 0, text.length));
  }

  @Test
  void rejectsLongRunsOfMarks() {
    byte[] marks = "\u0301\u0323".repeat(501).getBytes(UTF_8);
    assertThrows(
        InvalidInputException.class, () -> Normalization.NFC.apply(marks, 0, marks.length));
    assertEquals(2000, Normalization.NFC.apply(marks, 0, 2000).length);
  }
}
