package dev.vidrio.hub.file;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PathSegmentTest {

  @ParameterizedTest
  @ValueSource(
      strings = {
        "a",
        "a b",
        "a/b",
        "a\\b",
        "..",
        "%",
        "%2e",
        "é",
        "模型.gguf",
        "\uD83D\uDE00",
        "a+b~c"
      })
  void decodesEncodedNames(String segment) {
    String encoded = PathSegment.encode(segment);
    assertTrue(encoded.matches("[A-Za-z0-9._~%-]*"), encoded);
    assertEquals(Optional.of(segment), PathSegment.decode(encoded));
  }

  @ParameterizedTest
  @ValueSource(strings = {"a b", "%", "%2", "%zz", "%2f", "%41", "%FF", "a+b"})
  void rejectsForeignEncodings(String encoded) {
    assertEquals(Optional.empty(), PathSegment.decode(encoded));
  }

  @Test
  void rejectsLongNames() {
    PathSegment.check("file", "x", "é".repeat(38));
    assertThrows(InvalidInputException.class, () -> PathSegment.check("file", "x", "é".repeat(39)));
  }
}
