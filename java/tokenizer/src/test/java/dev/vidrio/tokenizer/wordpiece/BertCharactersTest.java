package dev.vidrio.tokenizer.wordpiece;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.InputStream;
import java.util.Objects;
import java.util.function.IntPredicate;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The classes of all characters, from Hugging Face tokenizers (generate_wordpiece.py). */
class BertCharactersTest {

  private static final String RESOURCE =
      "/dev/vidrio/tokenizer/huggingface/hugging-face-wordpiece.json";

  private static void check(String name, IntPredicate actual) throws IOException {
    try (InputStream in = BertCharactersTest.class.getResourceAsStream(RESOURCE)) {
      JsonNode ranges =
          new JsonMapper().readTree(Objects.requireNonNull(in)).get("classes").get(name);
      int c = 0;
      for (JsonNode range : ranges) {
        for (; c < range.get(0).intValue(); c++) {
          check(name, actual, c, false);
        }
        for (; c <= range.get(1).intValue(); c++) {
          check(name, actual, c, true);
        }
      }
      for (; c <= Character.MAX_CODE_POINT; c++) {
        check(name, actual, c, false);
      }
    }
  }

  private static void check(String name, IntPredicate actual, int c, boolean expected) {
    if (Character.getType(c) != Character.SURROGATE && actual.test(c) != expected) {
      assertEquals(expected, !expected, name + " U+" + Integer.toHexString(c));
    }
  }

  @Test
  void classifiesAllCharactersLikeHuggingFace() throws IOException {
    check("control", BertCharacters::isControl);
    check("space", BertCharacters::isSpace);
    check("punctuation", BertCharacters::isPunctuation);
    check("accent", BertCharacters::isAccent);
    check("han", BertCharacters::isHan);
  }
}
