package dev.vidrio.cli.generation;

import dev.vidrio.cli.io.InputOutput;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.Grammar;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Option;

/** The options of constrained generation. */
public final class GrammarOption {
  /** The mutually exclusive forms of a grammar. */
  private static final class Source {
    @Option(
        names = "--json-schema",
        paramLabel = "FILE",
        description = "Generate JSON that matches this schema.")
    private @Nullable Path schema;

    @Option(
        names = "--regex",
        paramLabel = "REGEX",
        description = "Generate text that matches this regular expression as a whole.")
    private @Nullable String regex;

    @Option(
        names = "--grammar",
        paramLabel = "FILE",
        description = "Generate text that matches this EBNF grammar (GBNF, llama.cpp's dialect).")
    private @Nullable Path ebnf;
  }

  @ArgGroup(exclusive = true)
  private @Nullable Source source;

  /**
   * Returns the grammar; null for none.
   *
   * @throws InvalidInputException if the grammar is malformed or not supported
   */
  public @Nullable Grammar read() {
    if (source == null) {
      return null;
    }
    if (source.schema != null) {
      return Grammar.jsonSchema(InputOutput.read(source.schema));
    }
    if (source.ebnf != null) {
      return Grammar.ebnf(InputOutput.read(source.ebnf));
    }
    return source.regex == null ? null : Grammar.regex(source.regex);
  }
}
