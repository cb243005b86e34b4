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
  private static final byte[] HEARTBEAT = ascii(": waiting\n\n");

  private static final byte[] DATA = ascii("data: ");
  private static final byte[] END = ascii("\n\n");
  private static final byte[] DONE = ascii("data: [DONE]\n\n");

  private final Response response;

  /** Creates a stream and sets its headers; nothing is sent yet. */
  public EventStream(Response response) {
    this.response = response;
    response.header("Cache-Control", "no-cache");
    // Proxies such as nginx would buffer events.
    response.header("X-Accel-Buffering", "no");
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  /**
   * Starts to send comments while no events are sent.
   *
   * @param onDisconnect runs once when a write finds that the client has disconnected
   */
  public void startHeartbeats(Runnable onDisconnect) {
    response.startHeartbeats(CONTENT_TYPE, HEARTBEAT, onDisconnect);
  }

  /** Clears a buffer and starts an event, to which the JSON is to be appended. */
  public static JsonBuffer start(JsonBuffer buffer) {
    return buffer.clear().raw(DATA);
  }

  /** Sends an event that was started by {@link #start}. */
  public void send(JsonBuffer event) throws IOException {
    event.raw(END);
    response.append(event.array(), event.length());
  }

  /** Sends an unnamed event. */
  public void send(byte[] json) throws IOException {
    send(start(new JsonBuffer()).raw(json));
  }

  /** Sends a named event. */
  public void send(String name, byte[] json) throws IOException {
    send(new JsonBuffer().raw("event: " + name + "\n").raw(DATA).raw(json));
  }

  /** Sends the buffered events. */
  public void flush() throws IOException {
    response.write(new byte[0], 0);
  }

  /** Sends {@code [DONE]} and ends the response. */
  public void done() throws IOException {
    response.write(DONE, DONE.length);
    response.end();
  }

  /** Ends the response without {@code [DONE]}. */
  public void end() throws IOException {
    response.end();
  }
}
