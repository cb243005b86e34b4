package dev.vidrio.cli.option;

import dev.vidrio.cli.io.CommandException;
import dev.vidrio.cli.io.InputOutput;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.Model;
import dev.vidrio.tokenizer.EncodeOptions;
import java.io.IOException;
import java.io.Reader;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Option;

/** The text or the token ids that a command reads. */
public final class TextInput {
  /** The mutually exclusive sources. */
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

  /**
   * Returns the input of a positional argument, or this for null.
   *
   * @throws InvalidInputException if an option gives an input too
   */
  public TextInput named(@Nullable String argument) {
    if (argument == null) {
      return this;
    }
    if (source != null) {
      throw new InvalidInputException("TEXT", argument, "-p, -f or --ids gives a second text");
    }
    var named = new TextInput();
    named.source = new Source();
    named.source.text = argument;
    return named;
  }

  /** Returns whether the user gave {@code -p}, {@code -f} or {@code --ids}. */
  public boolean isPresent() {
    return source != null;
  }

  /** Returns whether the input is a file of token ids. */
  public boolean isIds() {
    return source != null && source.ids != null;
  }

  /** Returns whether the input can be read again, since it is not standard input. */
  public boolean isRepeatable() {
    return source != null && (source.file == null || file() != null);
  }

  /** Returns the given text, or standard input if it is not a terminal, or else nothing. */
  public Optional<String> text() {
    if (source != null && source.text != null) {
      return Optional.of(source.text);
    }
    Path file = file();
    if (file != null) {
      return Optional.of(InputOutput.read(file));
    }
    return readsStandardInput() ? Optional.of(InputOutput.readStandardInput()) : Optional.empty();
  }

  /** Returns the file with the text; null for standard input and other sources. */
  private @Nullable Path file() {
    Path file = source == null ? null : source.file;
    return file == null || file.toString().equals("-") ? null : file;
  }

  private boolean readsStandardInput() {
    return source == null ? InputOutput.isPiped() : source.file != null && file() == null;
  }

  /** Returns the given token ids, or those of the text, with BOS if the model expects it. */
  public Optional<int[]> ids(Model model) {
    if (source != null && source.ids != null) {
      return Optional.of(Json.readIds(source.ids));
    }
    return text().map(text -> model.tokenizer().encode(text, EncodeOptions.DEFAULT));
  }

  /** Receives a piece of a text. */
  @FunctionalInterface
  public interface PieceConsumer {
    /**
     * Receives the tokens of a piece, with BOS if the model expects it.
     *
     * @param read the fraction of the text up to the end of the piece, about
     */
    void take(int[] ids, double read);
  }

  /**
   * Passes the token ids of a text of any length in pieces of at most a million characters, which
   * end with a line; of files and standard input, one piece is in memory. Ids are passed as they
   * are.
   *
   * @throws UsageException if there is no text or it is empty
   */
  public void pieces(Model model, PieceConsumer taker) {
    if (isIds() || (source != null && source.text != null)) {
      taker.take(requiredIds(model), 1);
      return;
    }
    Path file = file();
    if (file == null) {
      if (!readsStandardInput()) {
        throw missing();
      }
      read(model, InputOutput.standardInput(), Long.MAX_VALUE, "standard input", taker);
      return;
    }
    try (Reader reader = InputOutput.reader(file)) {
      read(model, reader, Files.size(file), file.toString(), taker);
    } catch (IOException e) {
      throw new CommandException(InputOutput.reason(file.toString(), e), e);
    }
  }

  private static void read(
      Model model, Reader reader, long size, String name, PieceConsumer taker) {
    var pieces = new TextPieces(reader, TextPieces.SIZE);
    long read = 0;
    for (var next = next(pieces, name); next.isPresent(); next = next(pieces, name)) {
      read += next.get().length();
      taker.take(model.tokenizer().encode(next.get(), EncodeOptions.DEFAULT), read / (double) size);
    }
    if (read == 0) {
      throw missing();
    }
  }

  private static Optional<String> next(TextPieces pieces, String name) {
    try {
      return pieces.next();
    } catch (CharacterCodingException e) {
      throw new CommandException(name + ": is not UTF-8", e);
    } catch (IOException e) {
      throw new CommandException(InputOutput.reason(name, e), e);
    }
  }

  /**
   * Returns the text, as {@link #text}.
   *
   * @throws UsageException if there is none or it is empty
   */
  public String requiredText() {
    return text().filter(text -> !text.isEmpty()).orElseThrow(TextInput::missing);
  }

  /**
   * Returns the token ids, as {@link #ids}.
   *
   * @throws UsageException if there is no text or it is empty
   * @throws InvalidInputException if the file of token ids is empty
   */
  public int[] requiredIds(Model model) {
    if (!isIds()) {
      return model.tokenizer().encode(requiredText(), EncodeOptions.DEFAULT);
    }
    int[] tokens = ids(model).orElseThrow(TextInput::missing);
    if (tokens.length == 0) {
      throw new InvalidInputException("text", "", "has no tokens");
    }
    return tokens;
  }

  /** Returns the usage error of a command that needs a text and got none. */
  public static UsageException missing() {
    return new UsageException("needs a text: give one with -p, -f or --ids, or on standard input");
  }
}
