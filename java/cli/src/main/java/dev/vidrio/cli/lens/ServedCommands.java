package dev.vidrio.cli.lens;

import dev.vidrio.cli.io.CommandException;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.io.Workspace;
import dev.vidrio.cli.option.AdapterFile;
import dev.vidrio.cli.option.CommandGroup;
import dev.vidrio.cli.option.OptionValues;
import dev.vidrio.cli.option.ServedCommand;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.lens.decode.sae.file.DictionaryFile;
import dev.vidrio.model.Model;
import dev.vidrio.server.command.LensCommands;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/**
 * The commands of {@code vidrio lens} for clients of the server. A command runs on the served model
 * with the options and the JSON of the command line, in a {@link Workspace} of its own.
 *
 * @param shared the directory of files that all requests may read; null for none
 */
public record ServedCommands(@Nullable Path shared) implements LensCommands {
  /** Options of the process, and of connections to other servers. */
  private static final Set<String> REFUSED =
      Set.of(
          "--model",
          "--threads",
          "--decode-threads",
          "--isa",
          "--executor",
          "--no-repack",
          "--latent-cache",
          "--json",
          "--url",
          "--key-variable",
          "--timeout");

  /** The descriptions, made when they are first read: picocli inspects every command. */
  private static final class Descriptions {
    static final List<JsonObject> ALL = make();

    private static List<JsonObject> make() {
      CommandLine all = group(List.of());
      OptionValues.refineHelp(all);
      return leaves(all).stream().map(ServedCommands::toJson).toList();
    }
  }

  @Override
  public List<JsonObject> describe() {
    return Descriptions.ALL;
  }

  @Override
  public List<String> sharedFiles() throws IOException {
    return shared == null ? List.of() : Workspace.sharedNames(shared);
  }

  @Override
  public List<JsonObject> dictionaries() throws IOException {
    List<JsonObject> found = new ArrayList<>();
    if (shared != null) {
      Workspace.sharedDirectories(shared)
          .forEach(
              (name, directory) ->
                  DictionaryFile.contents(directory)
                      .ifPresent(contents -> found.add(toJson(name, contents))));
    }
    return found;
  }

  private static JsonObject toJson(String name, DictionaryFile.Contents contents) {
    var json =
        new JsonObject()
            .with("name", name)
            .with("kind", contents.kind().name().toLowerCase(Locale.ROOT));
    if (contents.layers() > 0) {
      json.put("layers", contents.layers());
    }
    return json;
  }

  private static List<CommandSpec> leaves(CommandLine line) {
    return line.getSubcommands().isEmpty()
        ? List.of(line.getCommandSpec())
        : line.getSubcommands().values().stream().flatMap(sub -> leaves(sub).stream()).toList();
  }

  private static boolean isRefused(OptionSpec option) {
    return Arrays.stream(option.names()).anyMatch(REFUSED::contains);
  }

  private static JsonObject toJson(CommandSpec command) {
    return new JsonObject()
        .with("name", name(command))
        .with("description", plain(command.usageMessage().description()))
        .with(
            "arguments",
            command.positionalParameters().stream().map(ServedCommands::toJson).toList())
        .with(
            "options",
            command.options().stream()
                .filter(option -> !isRefused(option))
                .map(ServedCommands::toJson)
                .toList());
  }

  private static JsonObject toJson(ArgSpec argument) {
    var json = new JsonObject();
    json.put("name", argument instanceof OptionSpec option ? name(option) : argument.paramLabel());
    json.put("type", type(argument));
    json.put("placeholder", argument.paramLabel());
    json.put("description", String.join("\n", text(argument)));
    if (argument.required() && argument.group() == null) {
      json.put("required", true);
    }
    if (argument.isMultiValue()) {
      json.put("repeatable", true);
    }
    Iterable<String> candidates = argument.completionCandidates();
    if (candidates != null) {
      json.put("values", StreamSupport.stream(candidates.spliterator(), false).toList());
    }
    return json;
  }

  /** Returns the description of a command. Its lines are format strings without arguments. */
  private static String plain(String... lines) {
    return String.format(Locale.ROOT, String.join("\n", lines));
  }

  private static String[] text(ArgSpec argument) {
    return argument instanceof OptionSpec option
        ? option.description()
        : ((PositionalParamSpec) argument).description();
  }

  private static String type(ArgSpec argument) {
    Class<?> type = argument.isMultiValue() ? argument.auxiliaryTypes()[0] : argument.type();
    if (type == boolean.class || type == Boolean.class) {
      return "boolean";
    }
    if (type == Path.class || type == AdapterFile.class) {
      return "file";
    }
    if (type == int.class || type == long.class || type == Integer.class || type == Long.class) {
      return "integer";
    }
    return type.isPrimitive() || Number.class.isAssignableFrom(type) ? "number" : "string";
  }

  /** Returns the name of a command without that of the group. */
  private static String name(CommandSpec command) {
    return command.qualifiedName().substring("lens ".length());
  }

  private static String name(OptionSpec option) {
    return option.longestName().replaceFirst("^-+", "");
  }

  /** Returns what a request asks of the workspace in which its command has run. */
  private interface Answer<T> {
    T of(Workspace workspace) throws IOException;
  }

  @Override
  public Result run(Request request, Model model, Models others) throws IOException {
    return run(
        request,
        workspace -> {
          Object json = workspace.call(() -> command(request).call(model, request.model(), others));
          return new Result(json, workspace.written());
        });
  }

  @Override
  public byte[] runForFile(Request request, Model model, Models others, String file, long limit)
      throws IOException {
    return run(
        request,
        workspace -> {
          workspace.call(
              () -> {
                command(request).callForFiles(model, request.model(), others);
                return file;
              });
          return workspace.content(file, limit);
        });
  }

  private <T> T run(Request request, Answer<T> answer) throws IOException {
    Path temporary = Path.of(System.getProperty("java.io.tmpdir"));
    try (Workspace workspace = Workspace.create(temporary, shared, request.files())) {
      try {
        return answer.of(workspace);
      } catch (ParameterException | UsageException | CommandException | ModelFileException e) {
        throw refused(request, workspace.relative(String.valueOf(e.getMessage())));
      } catch (InvalidInputException e) {
        throw new InvalidInputException(
            workspace.relative(e.field()),
            workspace.relative(e.value()),
            workspace.relative(e.limit()));
      } catch (UnsupportedModelException e) {
        // The file may be that of the served model.
        throw refused(request, Path.of(e.file()).getFileName() + ": " + e.reason());
      } catch (NoSuchFileException e) {
        throw refused(request, workspace.relative(e.getFile() + ": not found in files"));
      } catch (UncheckedIOException e) {
        if (e.getCause() instanceof NoSuchFileException missing) {
          throw refused(request, workspace.relative(missing.getFile() + ": not found in files"));
        }
        throw e;
      } catch (OutOfMemoryError e) {
        throw refused(request, "needs more memory than the server has: " + e.getMessage());
      }
    } catch (UsageException e) {
      throw refused(request, String.valueOf(e.getMessage()));
    }
  }

  private static InvalidInputException refused(Request request, String reason) {
    return new InvalidInputException(
        "command", request.command(), reason.replaceFirst("^Error: ", ""));
  }

  /** Returns the command of a request, with its options. */
  private static ServedCommand command(Request request) {
    List<String> words = List.of(request.command().split(" ", -1));
    CommandLine line = group(words);
    CommandSpec command = find(line, words);
    List<String> arguments = new ArrayList<>(words);
    request.options().forEach((name, value) -> add(arguments, command, name, value));
    arguments.add("--"); // a positional argument may begin with a dash
    arguments.addAll(request.arguments());
    ParseResult parsed = line.parseArgs(arguments.toArray(String[]::new));
    while (parsed.hasSubcommand()) {
      parsed = parsed.subcommand();
    }
    return (ServedCommand) parsed.commandSpec().userObject();
  }

  /** Returns {@code lens} with the subcommands that words name, or with all for none. */
  private static CommandLine group(List<String> words) {
    var line = new CommandLine(new LensCommand());
    CommandGroup.add(line, words);
    return CommandGroup.configure(line);
  }

  private static CommandSpec find(CommandLine line, List<String> words) {
    CommandLine found = line;
    for (String word : words) {
      found = found == null ? null : found.getSubcommands().get(word);
    }
    if (found == null || !found.getSubcommands().isEmpty()) {
      throw new UsageException("not found; GET /v1/lens/commands lists the commands");
    }
    return found.getCommandSpec();
  }

  /** Adds the arguments of an option. */
  private static void add(List<String> arguments, CommandSpec command, String name, Object value) {
    OptionSpec option =
        command.options().stream()
            .filter(o -> name(o).equals(name) && !isRefused(o))
            .findAny()
            .orElseThrow(() -> new UsageException("option " + name + ": not found"));
    boolean flag = option.arity().max() == 0;
    List<?> values = value instanceof List<?> list ? list : List.of(value);
    for (Object one : values) {
      if (flag != one instanceof Boolean) {
        throw new UsageException(
            "option " + name + ": must " + (flag ? "be true or false" : "not be " + one));
      }
      if (!flag) {
        arguments.add(option.longestName() + "=" + one);
      } else if ((Boolean) one) {
        arguments.add(option.longestName());
      }
    }
  }
}
