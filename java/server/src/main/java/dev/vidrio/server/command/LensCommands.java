package dev.vidrio.server.command;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.Model;
import java.io.IOException;
import java.util.List;
import java.util.Map;

/**
 * The commands that {@code /v1/lens/commands} runs, such as those of {@code vidrio lens}.
 *
 * <p>Thread-safe.
 */
public interface LensCommands {
  /** No commands. */
  LensCommands NONE =
      new LensCommands() {
        @Override
        public List<? extends Map<String, ?>> describe() {
          return List.of();
        }

        @Override
        public List<String> sharedFiles() {
          return List.of();
        }

        @Override
        public List<? extends Map<String, ?>> dictionaries() {
          return List.of();
        }

        @Override
        public Result run(Request request, Model model, Models others) {
          throw new InvalidInputException("command", request.command(), "not found");
        }

        @Override
        public byte[] runForFile(
            Request request, Model model, Models others, String file, long limit) {
          throw new InvalidInputException("command", request.command(), "not found");
        }
      };

  /**
   * A request to run a command.
   *
   * @param model the name of the model in results
   * @param command the name; of nested commands, the names separated by spaces
   * @param arguments the positional arguments
   * @param options values by name, without dashes: a string, a number, a boolean, or a list of
   *     strings and numbers
   * @param files contents by relative name, for options and arguments that name a file
   */
  record Request(
      String model,
      String command,
      List<String> arguments,
      Map<String, Object> options,
      Map<String, byte[]> files) {
    /** Creates a request. */
    public Request {
      arguments = List.copyOf(arguments);
      options = Map.copyOf(options);
      files = Map.copyOf(files);
    }
  }

  /**
   * The result of a command.
   *
   * @param json a tree of maps, lists, arrays, strings, numbers, booleans and nulls
   * @param files the contents of files that the command wrote, by relative name
   */
  record Result(Object json, Map<String, byte[]> files) {}

  /** The models of the server, for commands that need another one beside their own. */
  @FunctionalInterface
  interface Models {
    /**
     * Acquires a model, and loads it if necessary.
     *
     * @param name the name by which requests use the model
     * @throws dev.vidrio.server.http.ApiException if there is no such model, it is an adapter, or
     *     it cannot be loaded
     */
    OpenModel open(String name);
  }

  /**
   * Keeps a model open until it is closed.
   *
   * @param model the model
   * @param release closes the model or gives it back
   */
  record OpenModel(Model model, Runnable release) implements AutoCloseable {
    @Override
    public void close() {
      release.run();
    }
  }

  /** Returns descriptions of the commands as trees of maps, lists and values of JSON. */
  List<? extends Map<String, ?>> describe();

  /**
   * Returns the names of files that every request may read, sorted.
   *
   * @throws IOException if their directory cannot be read
   */
  List<String> sharedFiles() throws IOException;

  /**
   * Returns the dictionaries of features among these files, sorted by name: the {@code name} of the
   * directory, its {@code kind}, and the number of {@code layers} if options choose among them.
   *
   * @throws IOException if their directory cannot be read
   */
  List<? extends Map<String, ?>> dictionaries() throws IOException;

  /**
   * Runs a command on a model, which stays open. To cancel it, interrupt the thread.
   *
   * @param others the models that options of the command may name
   * @throws InvalidInputException if the command, an argument, an option or a file is invalid
   * @throws IOException if a file cannot be written
   */
  Result run(Request request, Model model, Models others) throws IOException;

  /**
   * Runs a command as {@link #run} does, and returns the content of a file that it writes.
   *
   * @param file the relative name of the file
   * @param limit maximum size of the file, in bytes
   * @throws InvalidInputException also if the command does not write the file, or it is too large
   */
  byte[] runForFile(Request request, Model model, Models others, String file, long limit)
      throws IOException;
}
