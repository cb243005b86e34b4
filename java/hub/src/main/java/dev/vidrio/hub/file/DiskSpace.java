package dev.vidrio.hub.file;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The free space of a file system. */
@FunctionalInterface
public interface DiskSpace {

  /** The free space that the file system reports. */
  DiskSpace ACTUAL = directory -> Files.getFileStore(directory).getUsableSpace();

  /** Returns the number of bytes that this process may still write to a directory. */
  long usableBytes(Path directory) throws IOException;
}
