package dev.vidrio.cli.lens.option;

import dev.vidrio.cli.io.UsageException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.attribute.Removal;
import dev.vidrio.lens.attribute.Removal.By;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options of the way in which tokens are removed from a text. */
public final class RemovalOption {
  @Option(
      names = "--removal",
      paramLabel = "WAY",
      defaultValue = "zero",
      description =
          "How tokens are removed. zero: their embeddings are zero; hide: later tokens do not"
              + " attend to them; replace: they become another token.")
  private By by = By.ZERO;

  @Option(
      names = "--replacement",
      paramLabel = "TEXT",
      description = "The token, or #N, of --removal replace.")
  private @Nullable String replacement;

  /** Rejects contradictory options. */
  public void check() {
    if ((by == By.REPLACE) != (replacement != null)) {
      throw new UsageException(
          by == By.REPLACE
              ? "--removal replace: needs --replacement"
              : "--replacement " + replacement + ": needs --removal replace");
    }
  }

  /** Returns the removal. */
  public Removal of(Lens lens) {
    return switch (by) {
      case ZERO -> Removal.zero();
      case HIDE -> Removal.hide();
      case REPLACE ->
          Removal.replace(
              lens, TokenText.parse(lens.model(), "replacement", String.valueOf(replacement)));
    };
  }

  /** Returns the name of the way. */
  public String name() {
    return by.name().toLowerCase(Locale.ROOT);
  }
}
