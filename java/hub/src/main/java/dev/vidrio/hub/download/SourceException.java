package dev.vidrio.hub.download;

import org.jspecify.annotations.Nullable;

/** Thrown if a source cannot provide the file; another source may. The message is one line. */
public final class SourceException extends Exception {

  private static final long serialVersionUID = 1L;

  private final boolean reachable;

  private SourceException(String reason, boolean reachable, @Nullable Throwable cause) {
    super(reason, cause);
    this.reachable = reachable;
  }

  /** Returns an exception for a source that responded but does not provide the file. */
  public static SourceException refused(String reason) {
    return new SourceException(reason, true, null);
  }

  /** Returns an exception for a source that cannot be reached. */
  static SourceException unreachable(String reason, @Nullable Throwable cause) {
    return new SourceException(reason, false, cause);
  }

  /** Returns the reason, one line. */
  public String reason() {
    return String.valueOf(getMessage());
  }

  /** Returns whether the source responded, so that another network would not help. */
  public boolean reachable() {
    return reachable;
  }
}
