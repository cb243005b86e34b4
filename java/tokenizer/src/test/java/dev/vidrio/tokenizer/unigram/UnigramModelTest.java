package dev.vidrio.tokenizer.unigram;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.tokenizer.EncodeOptions;
import dev.vidrio.tokenizer.SampleVocabulary;
import dev.vidrio.tokenizer.Tokenizer;
import dev.vidrio.tokenizer.Tokenizers;
import dev.vidrio.tokenizer.vocabulary.Charsmap;
import dev.vidrio.tokenizer.vocabulary.TokenModel;
import java.util.Arrays;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class UnigramModelTest {

  private static final EncodeOptions PLAIN = new EncodeOptions(false, false);
  private static final SampleVocabulary SAMPLE =
      SampleVocabulary.read("sentencepiece-unigram.json");
  private static final Tokenizer TOKENIZER = tokenizer();

  private static Tokenizer tokenizer() {
    Charsmap charsmap = new Charsmap(SAMPLE.charsmap());
    return Tokenizers.of(
        SAMPLE.vocabulary(new TokenModel.Unigram(SAMPLE.scores(), true, true, charsmap)));
  }

  @Test
  void encodesLikeSentencePiece() {
    for (SampleVocabulary.Sample sample : SAMPLE.samples()) {
      int[] ids = TOKENIZER.encode(sample.text(), PLAIN);
      assertEquals(sample.ids(), Arrays.stream(ids).boxed().toList(), sample.text());
    }
  }

  /** Terminates only if the work per byte is bounded. */
  @ParameterizedTest
  @ValueSource(strings = {"a", " ", "é", "語", "👍", "<sep", " a"})
  @Tag("long")
  void encodesLongRuns(String piece) {
    byte[] bytes = piece.repeat((1 << 20) / piece.length()).getBytes(UTF_8);
    assertTrue(TOKENIZER.encode(bytes, PLAIN).length <= bytes.length + 1);
  }

  @Test
  void rejectsInconsistentTables() {
    for (byte[] blob : new byte[][] {{1}, {8, 0, 0, 0, 1}, {3, 0, 0, 0, 1, 2, 3}}) {
      assertThrows(IllegalArgumentException.class, () -> new Charsmap(blob));
    }
  }
}
