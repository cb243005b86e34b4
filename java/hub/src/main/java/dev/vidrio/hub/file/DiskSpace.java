package dev.vidrio.hub.file;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Tells how much space is left. */
@FunctionalInterface
public interface DiskSpace {

  /** What the file system says. */
  DiskSpace ACTUAL = directory -> Files.getFileStore(directory).getUsableSpace();

  /** Returns the bytes that this process may still write below a directory. */
  long usableBytes(Path directory) throws IOException;
}
