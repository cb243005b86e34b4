package dev.vidrio.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.kernel.ffm.Isa;
import dev.vidrio.model.testfiles.TinyAdapter;
import dev.vidrio.model.testfiles.TinyModels;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** {@code vidrio serve} in a separate process: startup line, keys and signals. */
class ServeCommandTest {
  private static final Pattern LINE =
      Pattern.compile(
          "vidrio: serving bard \\(native \\w+, \\d+ threads, weights [^,]+, cache [^,)]+\\)"
              + " at (\\S+)");

  @TempDir Path directory;

  /** A server that has printed its address. */
  private record Running(Process process, URI uri) implements AutoCloseable {
    static Running start(ProcessBuilder builder) throws IOException {
      Process process = builder.redirectError(ProcessBuilder.Redirect.DISCARD).start();
      BufferedReader out = process.inputReader(StandardCharsets.UTF_8);
      Matcher line = LINE.matcher(String.valueOf(out.readLine()));
      assertTrue(line.matches(), line.toString());
      if (Isa.pick().prefersBf16()) {
        assertEquals(
            "vidrio: --arithmetic bf16 makes prompts faster here, and answers slower",
            out.readLine());
      }
      return new Running(process, URI.create(line.group(1)));
    }

    Socket connect() throws IOException {
      return new Socket(uri.getHost(), uri.getPort());
    }

    @Override
    public void close() {
      process.destroyForcibly();
    }
  }

  private static ProcessBuilder serve(String... more) {
    List<String> command = Cli.process("serve", "--port", "0");
    command.addAll(List.of(more));
    var builder = new ProcessBuilder(command);
    builder.environment().put("VIDRIO_API_KEY", "secret");
    return builder;
  }

  private static void send(Socket socket, String head, String body) throws IOException {
    String request =
        head
            + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer secret\r\n"
            + "Content-Type: application/json\r\nContent-Length: "
            + body.length()
            + "\r\n\r\n"
            + body;
    socket.getOutputStream().write(request.getBytes(StandardCharsets.UTF_8));
  }

  private static String readUntil(Socket socket, String end) throws IOException {
    InputStream in = socket.getInputStream();
    var text = new StringBuilder();
    while (text.indexOf(end, text.length() - end.length()) < 0) {
      int b = in.read();
      if (b < 0) {
        throw new IOException("ended after: " + text);
      }
      text.append((char) b);
    }
    return text.toString();
  }

  /** Requests answers and returns at the first event. */
  private static void begin(Socket socket, int tokens) throws IOException {
    begin(socket, "\"n\":8,\"max_tokens\":" + tokens);
  }

  private static void begin(Socket socket, String more) throws IOException {
    send(
        socket,
        "POST /v1/completions",
        "{\"model\":\"bard\",\"prompt\":\"To be\",\"stream\":true,\"ignore_eos\":true,"
            + more
            + "}");
    assertTrue(readUntil(socket, "data: ").startsWith("HTTP/1.1 200"));
  }

  @Test
  @DisabledOnOs(OS.WINDOWS)
  @Tag("long")
  void sigtermLetsRunningRequestsFinish() throws IOException, InterruptedException {
    try (Running server = Running.start(serve("--drain", "3600"));
        Socket socket = server.connect()) {
      begin(socket, 300);
      server.process.destroy();
      readUntil(socket, "[DONE]");
      assertEquals(0, server.process.waitFor());
    }
  }

  @Test
  @DisabledOnOs(OS.WINDOWS)
  @Tag("long")
  void secondSignalEndsAtOnce() throws IOException, InterruptedException {
    try (Running server = Running.start(serve());
        Socket socket = new Socket()) {
      // The answer exceeds all buffers, so that it runs until the client reads it.
      socket.setReceiveBufferSize(4096);
      socket.connect(new InetSocketAddress(server.uri.getHost(), server.uri.getPort()));
      begin(socket, "\"n\":32,\"logprobs\":20,\"max_tokens\":900");
      server.process.destroy();
      String ready;
      do {
        try (Socket probe = server.connect()) {
          send(probe, "GET /ready", "");
          ready = readUntil(probe, "\r\n");
        }
      } while (!ready.startsWith("HTTP/1.1 503"));
      server.process.destroy();
      assertEquals(130, server.process.waitFor());
    }
  }

  /** A pipe as the file of keys blocks the load. */
  @Test
  @DisabledOnOs(OS.WINDOWS)
  void signalEndsALoadAtOnce() throws IOException, InterruptedException {
    Path pipe = directory.resolve("keys");
    assertEquals(0, new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor());
    Process process = serve("--api-key-file", pipe.toString()).start();
    try (OutputStream _ = Files.newOutputStream(pipe)) { // waits for its reader
      process.destroy();
      assertTrue(process.waitFor(60, TimeUnit.SECONDS));
      assertEquals(130, process.exitValue());
    } finally {
      process.destroyForcibly();
    }
  }

  @Test
  @Tag("long")
  void servesHttpsWithKeyStore() throws Exception {
    Path store = directory.resolve("keys.p12");
    Process keytool =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
                "-genkeypair",
                "-keyalg",
                "EC",
                "-dname",
                "CN=localhost",
                "-ext",
                "san=ip:127.0.0.1",
                "-alias",
                "server",
                "-storetype",
                "PKCS12",
                "-keystore",
                store.toString(),
                "-storepass",
                "changeit")
            .start();
    assertEquals(0, keytool.waitFor());
    ProcessBuilder builder = serve("--tls-keystore", store.toString());
    builder.environment().put("VIDRIO_TLS_PASSWORD", "changeit");
    try (Running server = Running.start(builder)) {
      assertEquals("https", server.uri.getScheme());
      KeyStore trusted = KeyStore.getInstance(store.toFile(), "changeit".toCharArray());
      KeyStore certificates = KeyStore.getInstance("PKCS12");
      certificates.load(null, null);
      certificates.setCertificateEntry("server", trusted.getCertificate("server"));
      TrustManagerFactory trust =
          TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      trust.init(certificates);
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(null, trust.getTrustManagers(), null);
      try (Socket socket =
          context.getSocketFactory().createSocket(server.uri.getHost(), server.uri.getPort())) {
        begin(socket, 4);
        readUntil(socket, "[DONE]");
      }
    }
    assertFails(
        "keys.p12: not a PKCS #12 file, or $VIDRIO_TLS_PASSWORD is not its password: ",
        Cli.run("serve", "--port", "0", "--tls-keystore", store.toString()));
  }

  @Test
  void servesAdaptersByName() throws IOException {
    Path tiny = TinyModel.write(directory.resolve("tiny.gguf"), TinyModel.Options.standard());
    Path lora = TinyAdapter.write(directory.resolve("lo=ra.gguf"), 4, 16, 1);
    Cli adapted =
        Cli.run(
            "run",
            "-m",
            tiny + "",
            "--adapter",
            lora + "=2",
            "-p",
            "ab",
            "-n",
            "9",
            "--temp",
            "0",
            "--json");
    ProcessBuilder builder =
        serve("-m", "bard", "-m", "t=" + tiny, "--adapter", "x=t:" + lora + "=2");
    try (Running server = Running.start(builder);
        Socket socket = server.connect()) {
      String body =
          "{\"model\":\"x\",\"prompt\":\"ab\",\"max_tokens\":9,\"temperature\":0,\"logprobs\":0}";
      send(socket, "POST /v1/completions", body);
      String answer = readUntil(socket, "\"finish_reason\"");
      String ids = "\"token_ids\":" + adapted.json().path("ids");
      assertTrue(answer.contains(ids), answer + " has not " + ids);
      send(socket, "GET /v1/models/x", "");
      readUntil(socket, "\"parent\":\"t\"");
    }
    Path none = directory.resolve("none.gguf");
    assertFails("no such file", Cli.run("serve", "--port", "0", "--adapter", "x=" + none));
    assertFails(
        "model bard: duplicate name",
        Cli.run("serve", "--port", "0", "-m", "bard", "--adapter", "bard=" + lora));
    for (String wrong : List.of("x", "=" + lora, "x=", "x=" + lora, "x=t:=2")) {
      Cli result = Cli.run("serve", "-m", "bard", "-m", "t=" + tiny, "--adapter", wrong);
      assertEquals(2, result.code(), result.err());
      assertTrue(result.err().contains("--adapter " + wrong + ": must "), result.err());
    }
  }

  @Test
  @Tag("long")
  void servesModelsOfDirectory() throws IOException {
    Path tiny = TinyModel.write(directory.resolve("tiny.gguf"), TinyModel.Options.standard());
    Files.copy(tiny, directory.resolve("bard.gguf"));
    Files.copy(tiny, directory.resolve("part-00002-of-00002.gguf"));
    Files.writeString(directory.resolve("notes.txt"), "not a model");
    try (Running server = Running.start(serve("--models-dir", directory.toString()));
        Socket socket = server.connect()) {
      send(socket, "GET /v1/models", "");
      String answer = readUntil(socket, "\"tiny\"");
      assertTrue(answer.contains("\"bard\""), answer);
      assertFalse(answer.contains("part"), answer);
      send(
          socket,
          "POST /v1/completions",
          "{\"model\":\"tiny\",\"prompt\":\"ab\",\"max_tokens\":2}");
      readUntil(socket, "\"finish_reason\"");
    }
  }

  @Test
  void rejectsDirectoriesWithoutModels() {
    Cli empty = Cli.run("serve", "--models-dir", directory.toString());
    assertEquals(2, empty.code());
    assertTrue(empty.err().contains("must have GGUF files"), empty.err());
    Cli missing = Cli.run("serve", "--models-dir", directory.resolve("none").toString());
    assertTrue(missing.err().contains("is not a directory"), missing.err());
  }

  @Test
  void servesCommandsOfTheLens() throws IOException {
    Files.writeString(directory.resolve("text.txt"), "To be, or not to be");
    ProcessBuilder builder = serve("-m", "bard", "--lens-files", directory.toString());
    try (Running server = Running.start(builder);
        Socket socket = server.connect()) {
      send(
          socket,
          "POST /v1/lens/commands",
          "{\"model\":\"bard\",\"command\":\"norms\",\"options\":{\"file\":\"shared/text.txt\"}}");
      readUntil(socket, "{\"model\":\"bard\",\"command\":\"norms\",\"result\":{\"model\":\"bard\"");
    }
  }

  @Test
  @Tag("long")
  void draftsByDefault() throws IOException {
    String f32 = BardFiles.f32().toString();
    ProcessBuilder builder = serve("-m", "bard", "-m", "other=bard", "--draft", "bard=" + f32);
    try (Running server = Running.start(builder);
        Socket socket = server.connect()) {
      send(
          socket,
          "POST /v1/completions",
          "{\"model\":\"bard\",\"prompt\":\"To be\",\"max_tokens\":20,\"temperature\":0}");
      readUntil(socket, "\"finish_reason\"");
      send(socket, "GET /metrics", "");
      readUntil(socket, "vidrio_tokens_draft_total{gen_ai_request_model=\"bard\"}");
      assertNotEquals("0.0", readUntil(socket, "\n").strip());
    }
    for (String wrong : List.of(f32, "x=" + f32)) {
      Cli result = Cli.run("serve", "-m", "bard", "-m", "b=bard", "--draft", wrong);
      assertEquals(2, result.code(), result.err());
      assertTrue(result.err().contains("--draft " + wrong + ": must "), result.err());
    }
    Cli twice = Cli.run("serve", "-m", "bard", "--draft", f32, "--draft", "bard=" + f32);
    assertEquals(2, twice.code(), twice.err());
  }

  @Test
  @Tag("long")
  void draftsWithTheBlockOfTheModel() throws IOException {
    Path file = directory.resolve("tiny.gguf");
    Files.write(file, TinyModels.withDraftBlock("qwen35").toBytes());
    assertDrafts(file, "mtp");
    assertFails(
        "bard: a draft block (multi-token prediction) is not supported: architecture llama",
        Cli.run("serve", "-m", "bard", "--draft", "mtp", "--port", "0"));
  }

  @Test
  @Tag("long")
  void draftsWithHead() throws IOException {
    String head = TinyModels.draftHead("llama").toString();
    assertDrafts(TinyModels.writeLong(directory.resolve("tiny.gguf"), "llama"), head);
    assertFails(
        "key 'eagle3.target_hidden_size' 32: must be the ",
        Cli.run("serve", "-m", "bard", "--draft", head, "--port", "0"));
  }

  private static void assertDrafts(Path model, String draft) throws IOException {
    try (Running server = Running.start(serve("-m", "bard=" + model, "--draft", draft));
        Socket socket = server.connect()) {
      send(
          socket,
          "POST /v1/completions",
          "{\"prompt\":[1,2,3],\"max_tokens\":40,\"temperature\":0,\"ignore_eos\":true}");
      readUntil(socket, "\"finish_reason\"");
      send(socket, "GET /metrics", "");
      readUntil(socket, "vidrio_tokens_draft_total{gen_ai_request_model=\"bard\"}");
      assertNotEquals("0.0", readUntil(socket, "\n").strip());
    }
  }

  private static void assertFails(String expected, Cli result) {
    assertEquals(1, result.code(), result.err());
    assertTrue(result.err().contains(expected), result.err());
    assertEquals(1, result.err().lines().count(), result.err());
  }

  @Test
  void reportsErrorsInOneLine() throws IOException {
    try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      String port = Integer.toString(taken.getLocalPort());
      assertFails("cannot listen at 127.0.0.1:" + port, Cli.run("serve", "--port", port));
    }
    assertFails("host nowhere.invalid", Cli.run("serve", "--host", "nowhere.invalid"));
    assertFails("no such file", Cli.run("serve", "--port", "0", "-m", directory + "/none.gguf"));
    assertFails("duplicate name", Cli.run("serve", "--port", "0", "-m", "bard", "-m", "bard"));
    Path keys = Files.writeString(directory.resolve("keys"), "# none\n\n");
    assertFails(
        "keys: contains no API key",
        Cli.run("serve", "--port", "0", "--api-key-file", keys.toString()));
    assertEquals(2, Cli.run("run", "-m", "bard", "-m", "bard", "-p", "a").code());
  }
}
