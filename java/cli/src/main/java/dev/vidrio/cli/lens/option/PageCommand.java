package dev.vidrio.cli.lens.option;

import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.formats.file.AtomicFile;
import dev.vidrio.lens.page.Page;
import dev.vidrio.lens.page.View;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/**
 * A lens command that shows its result as text, as JSON or on an HTML page.
 *
 * @param <R> the result
 */
public abstract class PageCommand<R> extends ModelCommand<R> {
  private static final List<String> OTHER_FORMS = List.of("--json", "--dot");

  @Option(
      names = {"-o", "--output"},
      paramLabel = "FILE.html",
      description = "Draw the results on a self-contained HTML page.")
  private @Nullable Path output;

  /** Rejects other extensions, files that cannot be written, and other output formats. */
  @Override
  protected void check() {
    if (output == null) {
      return;
    }
    for (String other : OTHER_FORMS) {
      if (command().commandLine().getParseResult().hasMatchedOption(other)) {
        throw new UsageException(other + ": cannot be combined with -o");
      }
    }
    OutputFile.check(output, endings());
  }

  /** Returns the extensions of output files. */
  protected String[] endings() {
    return new String[] {".html"};
  }

  /**
   * Writes a result to a file that is not a page.
   *
   * @param file with an extension of {@link #endings} other than {@code .html}
   */
  protected void write(R result, Path file) throws IOException {
    throw new IllegalStateException(file + " has no writer");
  }

  @Override
  protected final @Nullable String write(R result) throws IOException {
    if (output == null) {
      return null;
    }
    String title = command().qualifiedName();
    if (!output.toString().endsWith(".html")) {
      write(result, output);
      return output + ": " + title;
    }
    String text = model().tokenizer().decode(tokens());
    String html = new Page(title, modelName(), text, List.copyOf(views(result))).html();
    AtomicFile.write(output, html.getBytes(StandardCharsets.UTF_8));
    return output + ": " + title;
  }

  /** Returns whether the result is drawn on a page. */
  protected final boolean isDrawn() {
    return output != null;
  }

  /** Returns the views of the page. */
  protected abstract List<? extends View> views(R result);

  /** Returns the tokens of the text; empty if there is no single text. */
  protected int[] tokens() {
    return new int[0];
  }
}
