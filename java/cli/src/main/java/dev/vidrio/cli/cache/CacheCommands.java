package dev.vidrio.cli.cache;

import dev.vidrio.cli.option.CommandGroup;
import java.util.List;
import picocli.CommandLine.Command;

/** {@code vidrio cache}. */
@Command(
    name = "cache",
    description = "Computes, lists and deletes the prefixes that 'vidrio serve --cache-dir' keeps.")
public final class CacheCommands implements CommandGroup.Namespace {
  @Override
  public List<Class<?>> commands() {
    return List.of(WarmCommand.class, ListPrefixesCommand.class, ClearCommand.class);
  }
}
