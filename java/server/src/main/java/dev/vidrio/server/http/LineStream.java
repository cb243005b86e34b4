package dev.vidrio.server.http;

import java.io.IOException;
import java.nio.charset.StandardCharsets;

/**
 * A response of JSON objects, one per line (NDJSON). Lines are buffered until {@link #flush} is
 * called or the buffer is full.
 */
public final class LineStream {
  private static final String CONTENT_TYPE = "application/x-ndjson";

  /** White space before the next object. An empty line would be invalid JSON. */
  private static final byte[] HEARTBEAT = {' '};

  private final Response response;

  /** Creates a stream and sets its headers; nothing is sent yet. */
  public LineStream(Response response) {
    this.response = response;
    // Proxies such as nginx would buffer lines.
    response.header("X-Accel-Buffering", "no");
  }

  /**
   * Starts to send white space while no lines are sent.
   *
   * @param onDisconnect runs once when a write finds that the client has disconnected
   */
  public void startHeartbeats(Runnable onDisconnect) {
    response.startHeartbeats(CONTENT_TYPE, HEARTBEAT, onDisconnect);
  }

  /** Sends a line. */
  public void send(String json) throws IOException {
    response.send((json + "\n").getBytes(StandardCharsets.UTF_8), false);
  }

  /** Sends the buffered lines. */
  public void flush() throws IOException {
    response.send(new byte[0], true);
  }

  /** Ends the response. */
  public void end() throws IOException {
    response.end();
  }
}
