package dev.vidrio.cli.option;

import static picocli.CommandLine.Model.UsageMessageSpec.SECTION_KEY_COMMAND_LIST;
import static picocli.CommandLine.Model.UsageMessageSpec.SECTION_KEY_COMMAND_LIST_HEADING;

import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.io.Workspace;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help;
import picocli.CommandLine.IHelpSectionRenderer;
import picocli.CommandLine.TypeConversionException;

/**
 * A command with subcommands.
 *
 * <p>Subcommands are listed here and not in {@link Command#subcommands}, because picocli would
 * inspect every option of every command before it reads the first argument: 0.1 s of each start.
 */
public interface CommandGroup {

  /** A group that does nothing without a subcommand. */
  interface Namespace extends CommandGroup, Runnable {
    @Override
    default void run() {
      throw new MissingCommandException();
    }
  }

  /** The usage error of a group that was given no subcommand; the usage help follows it. */
  final class MissingCommandException extends RuntimeException {
    private static final long serialVersionUID = 1;
  }

  /** Returns the subcommands, in the order of the help. */
  List<Class<?>> commands();

  /** A heading of the help and the commands below it. */
  record Section(String heading, List<Class<?>> commands) {
    /** Creates a section. */
    public Section {
      commands = List.copyOf(commands);
    }

    /** Creates a section. */
    public static Section of(String heading, Class<?>... commands) {
      return new Section(heading, List.of(commands));
    }
  }

  /** Returns the sections of the help; a single one by default. */
  default List<Section> sections() {
    return List.of(new Section("Commands", commands()));
  }

  /** Returns complete command lines that the help shows as examples. */
  default List<String> examples() {
    return List.of();
  }

  /**
   * Adds the subcommand that the first argument names, or else all subcommands, for help and
   * suggestions.
   *
   * @param arguments the arguments after the command's name
   */
  static void add(CommandLine line, List<String> arguments) {
    if (!(line.getCommand() instanceof CommandGroup group)) {
      return;
    }
    List<Class<?>> named = group.commands().stream().filter(c -> isNamed(c, arguments)).toList();
    for (Class<?> command : named.isEmpty() ? group.commands() : named) {
      line.addSubcommand(command);
    }
    List<String> rest = named.isEmpty() ? List.of() : arguments.subList(1, arguments.size());
    line.getSubcommands().values().forEach(added -> add(added, rest));
  }

  /** Sets how a command and its subcommands, which were {@linkplain #add added}, read arguments. */
  static CommandLine configure(CommandLine line) {
    return line.setCaseInsensitiveEnumValuesAllowed(true)
        .setExpandAtFiles(false) // a text may begin with @
        .registerConverter(Path.class, CommandGroup::path)
        .registerConverter(AdapterFile.class, AdapterFile::parse);
  }

  /** Rejects an empty path, as of an unset shell variable, which would mean this directory. */
  static Path path(String name) {
    if (name.isEmpty()) {
      throw new TypeConversionException("must name a file or directory, but is empty");
    }
    try {
      return Workspace.path(name);
    } catch (UsageException e) {
      throw new TypeConversionException(String.valueOf(e.getMessage()));
    }
  }

  /**
   * Adds the examples of a command and its subcommands to their help. Called after {@link #add},
   * because a subcommand inherits the footer that its parent has when it is added.
   */
  static void addExamples(CommandLine line) {
    if (line.getCommand() instanceof CommandGroup group && !group.examples().isEmpty()) {
      line.getCommandSpec()
          .usageMessage()
          .footerHeading("Examples:%n")
          .footer(group.examples().stream().map(example -> "  " + example).toArray(String[]::new));
    }
    line.getSubcommands().values().forEach(CommandGroup::addExamples);
  }

  /** Lists the subcommands in the help below the headings of their sections. */
  static void addSections(CommandLine line) {
    if (line.getCommand() instanceof CommandGroup group && group.sections().size() > 1) {
      Map<String, IHelpSectionRenderer> sections = line.getHelpSectionMap();
      sections.put(SECTION_KEY_COMMAND_LIST_HEADING, _ -> "");
      sections.put(SECTION_KEY_COMMAND_LIST, help -> list(group.sections(), help));
    }
    line.getSubcommands().values().forEach(CommandGroup::addSections);
  }

  private static String list(List<Section> sections, Help help) {
    var text = new StringBuilder();
    for (Section section : sections) {
      Map<String, Help> listed = new LinkedHashMap<>();
      for (Class<?> command : section.commands) {
        String name = command.getAnnotation(Command.class).name();
        Help known = help.subcommands().get(name);
        if (known != null) {
          listed.put(name, known);
        }
      }
      text.append(System.lineSeparator()).append(section.heading).append(':');
      text.append(System.lineSeparator()).append(help.commandList(listed));
    }
    return text.toString();
  }

  private static boolean isNamed(Class<?> command, List<String> arguments) {
    return !arguments.isEmpty()
        && command.getAnnotation(Command.class).name().equals(arguments.getFirst());
  }
}
