package dev.vidrio.cli.option;

import dev.vidrio.model.Model;
import dev.vidrio.server.command.LensCommands;
import java.io.IOException;

/** A command that also runs for a client of the server, on a model that the server has loaded. */
public interface ServedCommand {
  /**
   * Runs the command on a model of the caller, which stays open, and returns the result as JSON.
   * Files are written as the options request.
   *
   * @param name the name of the model in results
   * @param others the models that options of the command may name
   */
  Object call(Model served, String name, LensCommands.Models others) throws IOException;

  /** Runs the command as {@link #call} does, for its files alone. */
  void callForFiles(Model served, String name, LensCommands.Models others) throws IOException;
}
