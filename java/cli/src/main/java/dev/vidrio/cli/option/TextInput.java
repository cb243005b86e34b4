package dev.vidrio.cli.option;

import dev.vidrio.cli.io.InputOutput;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.Terminal;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.Model;
import dev.vidrio.tokenizer.EncodeOptions;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Option;

/** The text or the token ids that a command works on. */
public final class TextInput {
  /** One of the ways to give it. */
  private static final class Source {
    @Option(
        names = {"-p", "--prompt"},
        paramLabel = "TEXT",
        description = "The text.")
    private @Nullable String text;

    @Option(
        names = {"-f", "--file"},
        paramLabel = "FILE",
        description = "A file with the text, in UTF-8; - is standard input.")
    private @Nullable Path file;

    @Option(
        names = "--ids",
        paramLabel = "FILE",
        description = "A JSON array of token ids, used as they are.")
    private @Nullable Path ids;
  }

  @ArgGroup(exclusive = true)
  private @Nullable Source source;

  public TextInput() {}

  /** The same, for the text of an argument that may be given instead; null for none. */
  public TextInput named(@Nullable String argument) {
    if (argument == null) {
      return this;
    }
    if (source != null) {
      throw new InvalidInputException("TEXT", argument, "-p, -f or --ids gives another");
    }
    var named = new TextInput();
    named.source = new Source();
    named.source.text = argument;
    return named;
  }

  /** Whether the user gave any. */
  public boolean isPresent() {
    return source != null;
  }

  /** Whether it is token ids. */
  public boolean isIds() {
    return source != null && source.ids != null;
  }

  /** The text: as given, or from standard input where that is no terminal. */
  public Optional<String> text() {
    if (source != null && source.text != null) {
      return Optional.of(source.text);
    }
    if (source != null && source.file != null && !source.file.toString().equals("-")) {
      return Optional.of(InputOutput.read(source.file));
    }
    boolean wanted = source != null && source.file != null;
    return wanted || (source == null && !Terminal.IN.isTerminal())
        ? Optional.of(InputOutput.readStandardInput())
        : Optional.empty();
  }

  /** The token ids: as given, or of the text, with BOS where the model wants it. */
  public Optional<int[]> ids(Model model) {
    if (source != null && source.ids != null) {
      return Optional.of(Json.readIds(source.ids));
    }
    return text().map(text -> model.tokenizer().encode(text, EncodeOptions.DEFAULT));
  }

  /**
   * The token ids, as {@link #ids}.
   *
   * @throws InvalidInputException when there are none
   */
  public int[] requiredIds(Model model) {
    int[] tokens =
        ids(model)
            .orElseThrow(
                () -> new InvalidInputException("text", "", "give one by -p, -f, --ids or stdin"));
    if (tokens.length == 0) {
      throw new InvalidInputException("text", "", "has no tokens");
    }
    return tokens;
  }
}
