package dev.vidrio.cli.option;

import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;

/**
 * A command with commands of its own.
 *
 * <p>They are listed here instead of in {@link Command#subcommands}, of which picocli inspects
 * every option of every command before the first argument is read: 0.1 s of each start.
 */
public interface CommandGroup {

  /** The commands, as they are listed. */
  List<Class<?>> commands();

  /**
   * Adds to a command those of its group that are needed: where the first argument names one, that
   * one; otherwise all, to be listed or suggested.
   *
   * @param arguments after the command's name
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

  /** What is wrong where a group that is no command itself was given none of its commands. */
  static ParameterException missing(CommandSpec group) {
    CommandLine self = group.commandLine();
    return new ParameterException(
        self, group.name() + " needs one of " + self.getSubcommands().keySet());
  }

  private static boolean isNamed(Class<?> command, List<String> arguments) {
    return !arguments.isEmpty()
        && command.getAnnotation(Command.class).name().equals(arguments.getFirst());
  }
}
