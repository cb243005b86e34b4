package dev.vidrio.server.http;

import java.io.IOException;
import java.nio.charset.StandardCharsets;

/**
 * A response of server-sent events. Events are buffered until {@link #flush} is called or the
 * buffer is full.
 */
public final class EventStream {
  private static final String CONTENT_TYPE = "text/event-stream; charset=utf-8";

  /** A comment, which clients ignore. */
  private static final byte[] HEARTBEAT = ": waiting\n\n".getBytes(StandardCharsets.US_ASCII);

  private final Response response;

  /** Creates a stream and sets its headers; nothing is sent yet. */
  public EventStream(Response response) {
    this.response = response;
    response.header("Cache-Control", "no-cache");
    // Proxies such as nginx would buffer events.
    response.header("X-Accel-Buffering", "no");
  }

  /**
   * Starts to send comments while no events are sent.
   *
   * @param onDisconnect runs once when a write finds that the client has disconnected
   */
  public void startHeartbeats(Runnable onDisconnect) {
    response.startHeartbeats(CONTENT_TYPE, HEARTBEAT, onDisconnect);
  }

  /** Sends an unnamed event. */
  public void send(String json) throws IOException {
    write("data: " + json + "\n\n");
  }

  /** Sends a named event. */
  public void send(String name, String json) throws IOException {
    write("event: " + name + "\ndata: " + json + "\n\n");
  }

  private void write(String event) throws IOException {
    response.send(event.getBytes(StandardCharsets.UTF_8), false);
  }

  /** Sends the buffered events. */
  public void flush() throws IOException {
    response.send(new byte[0], true);
  }

  /** Sends {@code [DONE]} and ends the response. */
  public void done() throws IOException {
    send("[DONE]");
    response.end();
  }

  /** Ends the response without {@code [DONE]}. */
  public void end() throws IOException {
    response.end();
  }
}
