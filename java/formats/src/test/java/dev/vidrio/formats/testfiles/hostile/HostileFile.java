package dev.vidrio.formats.testfiles.hostile;

/** A file that must be refused. */
public final class HostileFile {

  private final String name;
  private final byte[] bytes;
  private final String expected;

  HostileFile(String name, byte[] bytes, String expected) {
    this.name = name;
    this.bytes = bytes;
    this.expected = expected;
  }

  /** Returns what is wrong with it, usable as a file name. */
  public String name() {
    return name;
  }

  /** Returns the file itself. */
  public byte[] bytes() {
    return bytes;
  }

  /** Returns what the error's message must contain. */
  public String expected() {
    return expected;
  }

  @Override
  public String toString() {
    return name;
  }
}
