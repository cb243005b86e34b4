package dev.vidrio.model.testfiles;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** A tiny BERT with a vocabulary of letters, and with prompts of sentence-transformers. */
public final class PromptedEncoder {
  /** The text that precedes queries; documents have no prompt. */
  public static final String QUERY = "q: ";

  private static final Path BERT =
      Path.of("../model/src/test/resources/dev/vidrio/model/encoder/bert");
  private static final int VOCABULARY = 64;

  private PromptedEncoder() {}

  /** Writes the files of the model into an empty directory, and returns the directory. */
  public static Path write(Path directory) throws IOException {
    for (String file : List.of("config.json", "model.safetensors")) {
      Files.copy(BERT.resolve(file), directory.resolve(file));
    }
    List<String> tokens = new ArrayList<>(List.of("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"));
    for (char letter = 'a'; letter <= 'z'; letter++) {
      Collections.addAll(tokens, String.valueOf(letter), "##" + letter);
    }
    Collections.addAll(tokens, ":", ".", "!", "?", ",", "-", "'");
    Files.write(directory.resolve("vocab.txt"), tokens.subList(0, VOCABULARY));
    Files.writeString(
        directory.resolve("config_sentence_transformers.json"),
        "{\"prompts\": {\"query\": \"" + QUERY + "\"}, \"default_prompt_name\": null}");
    Files.createDirectory(directory.resolve("1_Pooling"));
    Files.writeString(directory.resolve("1_Pooling/config.json"), "{\"pooling_mode\": \"mean\"}");
    Files.writeString(
        directory.resolve("modules.json"),
        """
        [{"idx": 0, "path": "", "type": "sentence_transformers.models.Transformer"},
         {"idx": 1, "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]
        """);
    return directory;
  }
}
