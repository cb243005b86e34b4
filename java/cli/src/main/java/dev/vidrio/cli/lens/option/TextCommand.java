package dev.vidrio.cli.lens.option;

import dev.vidrio.cli.option.TextInput;
import dev.vidrio.lens.Lens;
import dev.vidrio.model.Model;
import java.util.Arrays;
import picocli.CommandLine.Mixin;

/**
 * A lens command on one text.
 *
 * @param <R> the result
 */
public abstract class TextCommand<R> extends PageCommand<R> {
  @Mixin private TextInput input = new TextInput();

  private int[] tokens = new int[0];

  @Override
  protected R run(Model opened) {
    tokens = read(opened, input);
    return run(Lens.of(opened), tokens);
  }

  /** Returns the tokens of the text. */
  protected int[] read(Model opened, TextInput given) {
    return given.requiredIds(opened);
  }

  /** Returns the options of the text. */
  protected final TextInput input() {
    return input;
  }

  /** Computes the result for a text. */
  protected abstract R run(Lens lens, int[] text);

  /** Replaces the text by the tokens that ran, and returns them. */
  protected final int[] use(int[] ran) {
    tokens = ran;
    return tokens;
  }

  /** Cuts the text to its first tokens, and returns them. */
  protected final int[] cut(int count) {
    tokens = Arrays.copyOf(tokens, count);
    return tokens;
  }

  @Override
  protected final int[] tokens() {
    return tokens;
  }
}
