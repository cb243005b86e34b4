package dev.vidrio.server;

import dev.vidrio.server.testserver.RawClient;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** A client that sends a valid, partial or invalid request and disconnects at a random point. */
final class ChurnClient {
  /** Requests of every kind, most of them for long answers. */
  private static final List<String> REQUESTS =
      List.of(
          post(
              "/v1/chat/completions",
              "{'model':'parrot','messages':[{'role':'user','content':'a'}],'stream':true,"
                  + "'ignore_eos':true,'max_tokens':40}"),
          post(
              "/v1/chat/completions",
              "{'model':'parrot','messages':[{'role':'user','content':'a'}],'logprobs':true,"
                  + "'tools':[{'type':'function','function':{'name':'f'}}],'tool_choice':'required'}"),
          post(
              "/v1/completions",
              "{'model':'bard','prompt':'To be','stream':true,'ignore_eos':true,'n':2,"
                  + "'logprobs':2,'max_tokens':30}"),
          post("/v1/completions", "{'model':'bard','prompt':['To be','or not'],'max_tokens':12}"),
          post("/v1/completions", "{'model':'bard','prompt':'To','timeout':0.005,'stream':true}"),
          post("/v1/responses", "{'model':'parrot','input':'a','stream':true}"),
          post("/v1/embeddings", "{'model':'parrot','input':['a','b']}"),
          post("/v1/lens/logits", "{'model':'parrot','prompt':'a b','top':2}"),
          post("/tokenize", "{'model':'bard','text':'To be'}"),
          "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
          post("/v1/completions", "{'model':'bard','prompt':"),
          post("/v1/completions", "{'model':'none','prompt':'a'}"),
          post("/v1/completions", "{'model':'bard','prompt':'\u00ff'}")
              .replace("Content-Length: ", "Content-Length: -"),
          post("/v1/chat/completions", "{}").replace("Content-Length: 2", "Content-Length: 9"),
          post("/v1/completions", "zz {} 0")
              .replace("Content-Length: 7", "Transfer-Encoding: chunked"),
          "GET / HTTP/1.1\r\nHost: x\r\n" + "X: y\r\n".repeat(200) + "\r\n",
          "\r\n\r\nnonsense\r\n\r\n",
          "\u0016\u0003\u0001 as TLS begins");

  private final Random random;
  private final URI server;

  ChurnClient(Random random, URI server) {
    this.random = random;
    this.server = server;
  }

  private static String post(String path, String json) {
    String body = json.replace('\'', '"');
    return "POST "
        + path
        + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
        + body.getBytes(StandardCharsets.UTF_8).length
        + "\r\n\r\n"
        + body;
  }

  /** Connects, sends and disconnects. */
  void run() throws InterruptedException {
    try (var client = new RawClient(server, 1 << (12 + random.nextInt(5)))) {
      send(client);
      switch (random.nextInt(4)) {
        case 0 -> {}
        case 1 -> Thread.sleep(random.nextInt(20));
        case 2 -> client.readSome(random.nextInt(4000), 1 + random.nextInt(20));
        default -> client.readSome(Integer.MAX_VALUE, 1 + random.nextInt(20));
      }
      if (random.nextBoolean()) {
        client.reset();
      }
    } catch (IOException cut) {
      // The server may disconnect, too.
    }
  }

  /** Sends a request: whole, truncated, in pieces, or several. */
  private void send(RawClient client) throws IOException, InterruptedException {
    byte[] bytes = request();
    switch (random.nextInt(8)) {
      case 0 -> client.send(Arrays.copyOf(bytes, random.nextInt(bytes.length)));
      case 1 -> {
        int middle = random.nextInt(bytes.length);
        client.send(Arrays.copyOf(bytes, middle));
        Thread.sleep(random.nextInt(10));
        client.send(Arrays.copyOfRange(bytes, middle, bytes.length));
      }
      case 2 -> {
        client.send(bytes);
        client.endSending();
      }
      case 3 -> client.send(bytes).send(request());
      default -> client.send(bytes);
    }
  }

  private byte[] request() {
    return REQUESTS.get(random.nextInt(REQUESTS.size())).getBytes(StandardCharsets.UTF_8);
  }
}
