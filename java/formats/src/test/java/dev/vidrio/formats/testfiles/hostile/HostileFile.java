package dev.vidrio.formats.testfiles.hostile;

/** A file that must be rejected. */
public final class HostileFile {

  private final String name;
  private final byte[] bytes;
  private final String expected;

  HostileFile(String name, byte[] bytes, String expected) {
    this.name = name;
    this.bytes = bytes;
    this.expected = expected;
  }

  /** Returns a description of the fault that is usable as a file name. */
  public String name() {
    return name;
  }

  /** Returns the bytes of the file. */
  public byte[] bytes() {
    return bytes;
  }

  /** Returns the text that the error message must contain. */
  public String expected() {
    return expected;
  }

  @Override
  public String toString() {
    return name;
  }
}
