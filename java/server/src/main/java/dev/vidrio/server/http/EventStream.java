package dev.vidrio.server.http;

import java.io.IOException;
import java.nio.charset.StandardCharsets;

/** Server-sent events, which are sent when they are {@linkplain #flush flushed}, or are many. */
public final class EventStream {
  private static final String CONTENT_TYPE = "text/event-stream; charset=utf-8";

  /** A comment, which clients pass over. */
  private static final byte[] HEARTBEAT = ascii(": waiting\n\n");

  private static final byte[] DATA = ascii("data: ");
  private static final byte[] END = ascii("\n\n");
  private static final byte[] DONE = ascii("data: [DONE]\n\n");

  private final Response reply;

  public EventStream(Response reply) {
    this.reply = reply;
    reply.header("Cache-Control", "no-cache");
    // Proxies such as nginx would hold events back.
    reply.header("X-Accel-Buffering", "no");
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  /**
   * Sends comments now and then, where events are long in coming.
   *
   * @param onGone is run once when the client is found to have gone
   */
  public void whileWaiting(Runnable onGone) {
    reply.whileWaiting(CONTENT_TYPE, HEARTBEAT, onGone);
  }

  /** Starts an event of which the JSON is to be appended. */
  public static JsonBuffer start(JsonBuffer buffer) {
    return buffer.clear().raw(DATA);
  }

  /** Sends an event that {@link #start} began. */
  public void send(JsonBuffer event) throws IOException {
    event.raw(END);
    reply.append(event.array(), event.length());
  }

  public void send(byte[] json) throws IOException {
    send(start(new JsonBuffer()).raw(json));
  }

  /** Sends an event with a name. */
  public void send(String name, byte[] json) throws IOException {
    send(new JsonBuffer().raw("event: " + name + "\n").raw(DATA).raw(json));
  }

  /** Sends what waits for more. */
  public void flush() throws IOException {
    reply.write(new byte[0], 0);
  }

  /** Says that all has been said. */
  public void done() throws IOException {
    reply.write(DONE, DONE.length);
    reply.end();
  }

  /** Ends without that. */
  public void end() throws IOException {
    reply.end();
  }
}
