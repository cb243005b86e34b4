package dev.vidrio.error;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import java.io.IOException;
import org.junit.jupiter.api.Test;

class ModelExceptionTest {

  @Test
  void formatsFileFieldValueLimit() {
    var e = new ModelFileException("bard.gguf", "tensor 'x' offset", "123456", "ends at 99999");
    assertEquals("bard.gguf: tensor 'x' offset 123456: ends at 99999", e.getMessage());
    assertEquals("bard.gguf", e.file());
    assertEquals("tensor 'x' offset", e.field());
    assertEquals("123456", e.value());
    assertEquals("ends at 99999", e.limit());
  }

  @Test
  void omitsEmptyParts() {
    assertEquals(
        "a.gguf: no such file",
        new ModelFileException("a.gguf", "", "", "no such file").getMessage());
    assertEquals(
        "a.gguf: key 'k': is missing",
        new ModelFileException("a.gguf", "key 'k'", "", "is missing").getMessage());
    assertEquals(
        "a.gguf: 7: is odd", new ModelFileException("a.gguf", "", "7", "is odd").getMessage());
  }

  @Test
  void keepsCause() {
    IOException cause = new IOException("disk");
    assertSame(cause, new ModelFileException("a", "", "", "cannot be read", cause).getCause());
  }

  @Test
  void formatsFeatureAndAlternative() {
    var e = new UnsupportedModelException("a.gguf", "architecture 'mamba'", "supported: llama");
    assertEquals("a.gguf: architecture 'mamba' is not supported: supported: llama", e.getMessage());
    assertEquals("a.gguf", e.file());
    assertEquals("architecture 'mamba'", e.feature());
    assertEquals("supported: llama", e.alternative());
  }

  @Test
  void formatsInputFieldValueLimit() {
    var e = new InvalidInputException("token id", "70000", "must be below 49152");
    assertEquals("token id 70000: must be below 49152", e.getMessage());
    assertEquals("token id", e.field());
    assertEquals("70000", e.value());
    assertEquals("must be below 49152", e.limit());
  }

  @Test
  void escapesControlCharacters() {
    String hostile = "a\nb\u001b[2J\u202e\u2028\u200b\u0085\ud800é漢\ud83d\ude00";
    var e = new InvalidInputException("prompt", hostile, "is odd");
    assertEquals(
        "a\\u{a}b\\u{1b}[2J\\u{202e}\\u{2028}\\u{200b}\\u{85}\\u{d800}é漢\ud83d\ude00", e.value());
    assertEquals("prompt " + e.value() + ": is odd", e.getMessage());
  }

  @Test
  void truncatesLongParts() {
    var e = new InvalidInputException("prompt", "\ud83d\ude00".repeat(241), "is long");
    assertEquals("\ud83d\ude00".repeat(240) + "…", e.value());
    assertEquals("x".repeat(240), new InvalidInputException("x".repeat(240), "", "").field());
  }

  @Test
  void keepsLongFileNames() {
    String path = "/dir".repeat(1024);
    assertEquals(path, new ModelFileException(path, "", "", "is empty").file());
  }
}
