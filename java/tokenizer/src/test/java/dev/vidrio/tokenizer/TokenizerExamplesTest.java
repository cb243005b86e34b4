package dev.vidrio.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.formats.testfiles.BardFiles;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class TokenizerExamplesTest {
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final PrintStream out = new PrintStream(bytes, true, StandardCharsets.UTF_8);

  @Test
  void encodesAndDecodes() {
    TokenizerExamples.tokenizer(BardFiles.q8(), out);
    assertTrue(printed().contains("To be, or not to be"), printed());
  }

  @Test
  void decodesStream() {
    Tokenizer tokenizer = TestVocabulary.bytes().tokenizer();
    int[] ids = tokenizer.encode("bébé");
    TokenizerExamples.decoder(tokenizer, ids, out);
    assertEquals("bébé", printed());
  }

  private String printed() {
    return bytes.toString(StandardCharsets.UTF_8);
  }
}
