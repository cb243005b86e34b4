package dev.vidrio.cli;

import dev.vidrio.model.Model;
import picocli.CommandLine.Option;

/** Two texts that differ in what an answer depends on. */
final class TextPair {
  @Option(
      names = "--clean",
      paramLabel = "TEXT",
      required = true,
      description = "The text after which the answer is right.")
  private String clean = "";

  @Option(
      names = "--corrupt",
      paramLabel = "TEXT",
      required = true,
      description = "A text of as many tokens after which it is not.")
  private String corrupt = "";

  @Option(
      names = "--answer",
      paramLabel = "TOKEN",
      required = true,
      description = "The right next token of the clean text, as text or #N.")
  private String answer = "";

  @Option(
      names = "--wrong",
      paramLabel = "TOKEN",
      required = true,
      description = "The token that it is compared with.")
  private String wrong = "";

  TextPair() {}

  /** The tokens of the clean text. */
  int[] clean(Model model) {
    return model.tokenizer().encode(clean);
  }

  /** The tokens of the corrupted text. */
  int[] corrupted(Model model) {
    return model.tokenizer().encode(corrupt);
  }

  int answer(Model model) {
    return TokenText.parse(model, "answer", answer);
  }

  int wrong(Model model) {
    return TokenText.parse(model, "wrong", wrong);
  }
}
