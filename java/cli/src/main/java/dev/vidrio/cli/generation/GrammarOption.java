package dev.vidrio.cli.generation;

import dev.vidrio.cli.io.InputOutput;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.grammar.Grammar;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Option;

/** The options that say which texts may be generated. */
public final class GrammarOption {
  /** One of the ways to say it. */
  private static final class Source {
    @Option(
        names = "--json-schema",
        paramLabel = "FILE",
        description = "Generate JSON that matches this schema.")
    private @Nullable Path schema;

    @Option(
        names = "--regex",
        paramLabel = "REGEX",
        description = "Generate a text that as a whole matches this regular expression.")
    private @Nullable String regex;

    @Option(
        names = "--grammar",
        paramLabel = "FILE",
        description =
            "Generate a text that matches this EBNF grammar (GBNF, llama.cpp's" + " dialect).")
    private @Nullable Path ebnf;
  }

  @ArgGroup(exclusive = true)
  private @Nullable Source source;

  public GrammarOption() {}

  /**
   * The grammar; null where the user gave none.
   *
   * @throws InvalidInputException when it is malformed or has what is not supported
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
