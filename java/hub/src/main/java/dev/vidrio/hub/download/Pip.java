package dev.vidrio.hub.download;

import dev.vidrio.hub.file.FileTree;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.LongConsumer;
import java.util.stream.Stream;

/**
 * The user's own pip, with its configured indexes, proxies and credentials.
 *
 * @param commands the commands to try, in order
 */
public record Pip(List<List<String>> commands) {

  /** The usual commands. */
  public static final List<List<String>> COMMANDS =
      List.of(List.of("python3", "-m", "pip"), List.of("pip3"), List.of("pip"));

  private static final System.Logger LOG = System.getLogger(Pip.class.getName());
  private static final long POLL_MILLIS = 100;
  private static final long PROBE_SECONDS = 30;
  private static final long KILL_SECONDS = 10;
  private static final int LOG_TAIL = 1 << 13;
  private static final int MAX_LINE = 300;

  /**
   * Downloads one wheel without its dependencies.
   *
   * @param requirement {@code name==version}
   * @param directory an empty directory for the wheel; a log is written next to it
   * @param progress receives the number of bytes downloaded so far
   * @throws SourceException if there is no pip or it fails; the message contains its last line
   */
  void download(String requirement, Path directory, LongConsumer progress)
      throws IOException, SourceException, InterruptedException {
    List<String> command = new ArrayList<>(workingCommand(directory));
    command.addAll(
        List.of(
            "download",
            "--no-deps",
            "--only-binary=:all:",
            "--no-cache-dir",
            "--disable-pip-version-check",
            "--no-input",
            "--progress-bar=off",
            "--dest=.",
            requirement));
    LOG.log(System.Logger.Level.DEBUG, "running {0}", command);
    Path log = directory.resolveSibling("pip.log");
    try (Run run = new Run(command, directory, log)) {
      while (!run.process.waitFor(POLL_MILLIS, TimeUnit.MILLISECONDS)) {
        progress.accept(FileTree.bytes(directory));
      }
      if (run.process.exitValue() != 0) {
        throw SourceException.unreachable("pip: " + lastLine(log, run.process.exitValue()), null);
      }
    }
  }

  private List<String> workingCommand(Path directory)
      throws IOException, SourceException, InterruptedException {
    for (List<String> command : commands) {
      List<String> probe = new ArrayList<>(command);
      probe.add("--version");
      try (Run run = new Run(probe, directory, directory.resolveSibling("pip.log"))) {
        if (run.process.waitFor(PROBE_SECONDS, TimeUnit.SECONDS) && run.process.exitValue() == 0) {
          return command;
        }
      } catch (IOException e) {
        LOG.log(System.Logger.Level.DEBUG, "{0}: {1}", command, e.getMessage());
      }
    }
    throw SourceException.unreachable("pip was not found", null);
  }

  private static String lastLine(Path log, int exitCode) throws IOException {
    List<String> lines = tail(log).lines().filter(line -> !line.isBlank()).toList();
    if (lines.isEmpty()) {
      return "exit code " + exitCode;
    }
    String line = lines.getLast().strip();
    return line.length() <= MAX_LINE ? line : line.substring(0, MAX_LINE) + "…";
  }

  private static String tail(Path log) throws IOException {
    try (FileChannel channel = FileChannel.open(log, StandardOpenOption.READ)) {
      long size = channel.size();
      ByteBuffer bytes = ByteBuffer.allocate((int) Math.min(size, LOG_TAIL));
      channel.read(bytes, size - bytes.capacity());
      return new String(bytes.array(), 0, bytes.position(), StandardCharsets.UTF_8);
    }
  }

  /** A process that is killed with the pull and at JVM shutdown. */
  private static final class Run implements AutoCloseable {

    final Process process;
    private final Thread atExit;

    Run(List<String> command, Path directory, Path log) throws IOException {
      ProcessBuilder builder = new ProcessBuilder(command);
      // Python imports modules from its working directory, so this directory must be empty.
      builder.directory(directory.toFile());
      builder.redirectErrorStream(true).redirectOutput(log.toFile());
      for (String variable : List.of("TMPDIR", "TEMP", "TMP")) {
        builder.environment().put(variable, directory.toAbsolutePath().toString());
      }
      process = builder.start();
      atExit = new Thread(this::kill, "vidrio-pip-at-exit");
      try {
        Runtime.getRuntime().addShutdownHook(atExit);
      } catch (IllegalStateException e) {
        kill();
        throw new IOException("the JVM is shutting down", e);
      }
      process.getOutputStream().close();
    }

    private List<ProcessHandle> kill() {
      List<ProcessHandle> all =
          Stream.concat(process.descendants(), Stream.of(process.toHandle())).toList();
      all.forEach(ProcessHandle::destroyForcibly);
      return all;
    }

    /**
     * Kills the process if it still runs, and waits for it, since its directory is deleted next.
     */
    @Override
    public void close() {
      if (process.isAlive()) {
        for (ProcessHandle killed : kill()) {
          killed.onExit().completeOnTimeout(killed, KILL_SECONDS, TimeUnit.SECONDS).join();
        }
      }
      try {
        Runtime.getRuntime().removeShutdownHook(atExit);
      } catch (IllegalStateException e) {
        LOG.log(System.Logger.Level.DEBUG, "the JVM is shutting down");
      }
    }
  }
}
