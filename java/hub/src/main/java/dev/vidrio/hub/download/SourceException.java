package dev.vidrio.hub.download;

import org.jspecify.annotations.Nullable;

/** One source could not give the file; another one may. The message is one line. */
public final class SourceException extends Exception {

  private static final long serialVersionUID = 1L;

  private final boolean reachable;

  private SourceException(String reason, boolean reachable, @Nullable Throwable cause) {
    super(reason, cause);
    this.reachable = reachable;
  }

  /** The source answered, and will not give this file. */
  public static SourceException refused(String reason) {
    return new SourceException(reason, true, null);
  }

  /** The source cannot be used from here. */
  static SourceException unreachable(String reason, @Nullable Throwable cause) {
    return new SourceException(reason, false, cause);
  }

  /** Returns the reason, one line. */
  public String reason() {
    return String.valueOf(getMessage());
  }

  /** Whether the source answered, so that fetching the file from elsewhere may not help. */
  public boolean reachable() {
    return reachable;
  }
}
