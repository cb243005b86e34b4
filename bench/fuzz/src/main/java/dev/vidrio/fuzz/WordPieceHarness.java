package dev.vidrio.fuzz;

import dev.vidrio.tokenizer.Tokenizers;
import java.nio.file.Path;
import java.util.List;

/**
 * Reads a {@code vocab.txt} with its {@code tokenizer_config.json}, which ends at the first NUL of
 * the input; encodes texts by it and decodes every token.
 */
public final class WordPieceHarness {
  private static final Path DIRECTORY = Fixtures.scratch();

  private WordPieceHarness() {}

  /** Runs one input. */
  public static void fuzzerTestOneInput(byte[] data) {
    Fixtures.Two files = Fixtures.Two.of(data);
    Fixtures.write(DIRECTORY.resolve("tokenizer_config.json"), files.first());
    Fixtures.write(DIRECTORY.resolve("vocab.txt"), files.second());
    VocabularyHarness.use(() -> Tokenizers.fromHuggingFace(DIRECTORY));
  }

  /** Returns vocabularies of BERT and of MPNet. */
  public static List<byte[]> seeds() {
    return Fixtures.bytes(
        """
        {"tokenizer_class":"BertTokenizer","do_lower_case":true,"strip_accents":null,
        "tokenize_chinese_chars":true,"cls_token":{"content":"[CLS]"},"model_max_length":512}
        \0[PAD]
        [UNK]
        [CLS]
        [SEP]
        [MASK]
        the
        ##or
        ##y
        """,
        """
        {"tokenizer_class":"MPNetTokenizer","do_lower_case":false,"strip_accents":true}
        \0<s>
        <pad>
        </s>
        [UNK]
        <mask>
        a
        ##a
        """);
  }
}
