package dev.vidrio.cli;

import dev.vidrio.cli.bench.BenchCommand;
import dev.vidrio.cli.bench.SizeCommand;
import dev.vidrio.cli.cache.CacheCommands;
import dev.vidrio.cli.eval.EvalCommand;
import dev.vidrio.cli.io.CommandException;
import dev.vidrio.cli.io.InputOutput;
import dev.vidrio.cli.io.StandardOutput;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.LensCommand;
import dev.vidrio.cli.option.CommandGroup;
import dev.vidrio.cli.option.OptionValues;
import dev.vidrio.error.ModelException;
import dev.vidrio.kernel.ffm.NativeException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** The vidrio command. Exit codes: 0 success, 1 failure, 2 wrong usage, 130 interrupted. */
@Command(
    name = "vidrio",
    description = "Runs language models in the JVM and shows what happens inside them.",
    mixinStandardHelpOptions = true,
    scope = ScopeType.INHERIT,
    versionProvider = Version.class,
    synopsisSubcommandLabel = "COMMAND")
public final class Main implements Runnable, CommandGroup {
  private static final int FAILED = 1;
  private static final int WRONG_USAGE = 2;

  @Option(
      names = "--debug",
      scope = ScopeType.INHERIT,
      description = "Show the stack traces of errors.")
  private boolean debug;

  @Spec private CommandSpec command = CommandSpec.create();

  private Main() {}

  /** Runs one command and ends the process with its exit code. */
  public static void main(String[] args) {
    StandardOutput output = StandardOutput.install();
    int code = execute(args);
    Optional<String> failure = output.failure();
    failure.ifPresent(reason -> System.err.println("vidrio: standard output: " + reason));
    System.exit(failure.isPresent() ? FAILED : code);
  }

  /** Runs one command and returns its exit code. */
  static int execute(String... args) {
    Locale.setDefault(Locale.Category.FORMAT, Locale.ROOT); // a point before decimals everywhere
    var main = new Main();
    CommandLine commandLine = commandLine(main, List.of(args));
    CommandGroup.configure(commandLine)
        .setUsageHelpAutoWidth(true)
        .setParameterExceptionHandler((e, _) -> wrongUsage(e))
        .setExecutionExceptionHandler(main::failed);
    int code;
    try {
      code = commandLine.execute(args);
    } catch (OutOfMemoryError e) {
      code = main.outOfMemory(e, commandLine.getErr());
    }
    System.out.flush();
    return code;
  }

  /** Returns the command with the subcommands that its arguments name, or with all for none. */
  private static CommandLine commandLine(Main main, List<String> args) {
    var commandLine = new CommandLine(main);
    CommandGroup.add(commandLine, args);
    CommandGroup.addExamples(commandLine);
    CommandGroup.addSections(commandLine);
    OptionValues.refineHelp(commandLine);
    return commandLine;
  }

  /** Returns the command with all of its subcommands. */
  static CommandLine complete() {
    return commandLine(new Main(), List.of());
  }

  private static int wrongUsage(ParameterException e) {
    CommandLine command = e.getCommandLine();
    PrintWriter err = command.getErr();
    err.println("vidrio: " + String.valueOf(e.getMessage()).replaceFirst("^Error: ", ""));
    if (!CommandLine.UnmatchedArgumentException.printSuggestions(e, err)) {
      err.println("Try '" + command.getCommandSpec().qualifiedName() + " --help'.");
    }
    return WRONG_USAGE;
  }

  /** Shows the subcommands of a group that was given none. */
  private static int missingCommand(CommandLine group) {
    String name = group.getCommandSpec().qualifiedName().replaceFirst("^vidrio ", "");
    group.getErr().println("vidrio: " + name + ": needs a command");
    group.usage(group.getErr());
    return WRONG_USAGE;
  }

  private int failed(Exception e, CommandLine command, ParseResult parsed) {
    System.out.flush();
    if (e instanceof UsageException) {
      return wrongUsage(new ParameterException(command, e.getMessage()));
    }
    if (e instanceof CommandGroup.MissingCommandException) {
      return missingCommand(command);
    }
    command.getErr().println("vidrio: " + message(e));
    if (debug) {
      e.printStackTrace(command.getErr());
    }
    return FAILED;
  }

  /** Reports that a model is too large for the machine. */
  private int outOfMemory(OutOfMemoryError e, PrintWriter err) {
    err.println("vidrio: not enough memory: " + e.getMessage());
    if (debug) {
      e.printStackTrace(err);
    }
    return FAILED;
  }

  /** Returns the message of an expected error, or marks an unexpected one as internal. */
  private static String message(Exception e) {
    return switch (e) {
      case ModelException expected -> expected.getMessage();
      case CommandException expected -> expected.getMessage();
      case NativeException expected -> String.valueOf(expected.getMessage());
      case UncheckedIOException io -> InputOutput.reason(Objects.requireNonNull(io.getCause()));
      case IOException io -> InputOutput.reason(io);
      default -> "internal error: " + e + " (--debug shows where)";
    };
  }

  @Override
  public List<Class<?>> commands() {
    return List.of(
        RunCommand.class,
        ServeCommand.class,
        TokenizeCommand.class,
        EvalCommand.class,
        VerifyCommand.class,
        EmbedCommand.class,
        RerankCommand.class,
        LensCommand.class,
        BenchCommand.class,
        SizeCommand.class,
        ConvertCommand.class,
        QuantizeCommand.class,
        InspectCommand.class,
        PullCommand.class,
        ListCommand.class,
        RmCommand.class,
        CacheCommands.class,
        DoctorCommand.class,
        CompletionCommand.class);
  }

  @Override
  public List<String> examples() {
    return List.of(
        "vidrio run -p \"To be, or not to be\"",
        "vidrio lens logits -p \"To be, or not to be\"",
        "vidrio serve");
  }

  @Override
  public void run() {
    command.commandLine().usage(System.out);
  }
}
