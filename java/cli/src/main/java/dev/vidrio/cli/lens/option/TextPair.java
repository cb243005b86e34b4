package dev.vidrio.cli.lens.option;

import dev.vidrio.model.Model;
import picocli.CommandLine.Option;

/** Two texts that differ in what an answer depends on. */
public final class TextPair {
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
      description = "A text with as many tokens after which it is wrong.")
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
      description = "The token to compare it with.")
  private String wrong = "";

  public TextPair() {}

  /** The tokens of the clean text. */
  public int[] clean(Model model) {
    return model.tokenizer().encode(clean);
  }

  /** The tokens of the corrupted text. */
  public int[] corrupted(Model model) {
    return model.tokenizer().encode(corrupt);
  }

  public int answer(Model model) {
    return TokenText.parse(model, "answer", answer);
  }

  public int wrong(Model model) {
    return TokenText.parse(model, "wrong", wrong);
  }
}
