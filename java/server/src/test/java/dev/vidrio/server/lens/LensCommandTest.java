package dev.vidrio.server.lens;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.Model;
import dev.vidrio.server.command.LensCommands;
import dev.vidrio.server.testserver.TestServer;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** The route {@code /v1/lens/commands} passes requests on and encodes results. */
class LensCommandTest {
  /** Returns each request as its result. */
  private static final class Echo implements LensCommands {
    @Override
    public List<Map<String, String>> describe() {
      return List.of(Map.of("name", "echo"));
    }

    @Override
    public List<String> sharedFiles() {
      return List.of("shared/a.txt");
    }

    @Override
    public List<Map<String, Object>> dictionaries() {
      return List.of(Map.of("name", "shared/a"));
    }

    @Override
    public Result run(Request request, Model model, Models others) {
      if (!request.command().equals("echo")) {
        throw new InvalidInputException("command", request.command(), "not found");
      }
      Map<String, Object> json = new TreeMap<>(request.options());
      json.put("layers", model.architecture().layers());
      if (request.options().get("with") instanceof String name) {
        try (OpenModel other = others.open(name)) {
          json.put("with", other.model().architecture().layers());
        }
      }
      json.put("arguments", request.arguments());
      return new Result(json, request.files());
    }

    @Override
    public byte[] runForFile(Request request, Model model, Models others, String file, long limit) {
      byte[] content = request.files().get(file);
      if (content == null || content.length > limit) {
        throw new InvalidInputException("command", request.command(), file + " has no content");
      }
      return content;
    }
  }

  @RegisterExtension
  static final TestServer server =
      TestServer.forAll(options -> options.withLensCommands(new Echo()));

  private static JsonNode echo(String fields) {
    return server.json("/v1/lens/commands", "{'model':'bard','command':'echo'" + fields + "}");
  }

  @Test
  void passesOptionsAndArguments() {
    JsonNode json =
        echo(
            ",'arguments':['a','b c'],"
                + "'options':{'n':3,'x':0.5,'yes':true,'text':'To be','many':['a',2],'none':null}");
    assertEquals("bard", json.path("model").stringValue());
    assertEquals("echo", json.path("command").stringValue());
    assertEquals(
        "{\"arguments\":[\"a\",\"b c\"],\"layers\":4,\"many\":[\"a\",2],\"n\":3,\"text\":\"To be\","
            + "\"x\":0.5,\"yes\":true}",
        json.path("result").toString());
    assertTrue(json.path("files").isEmpty());
  }

  @Test
  void opensOtherModels() {
    JsonNode result = echo(",'options':{'with':'parrot'}").path("result");
    assertEquals("{\"arguments\":[],\"layers\":4,\"with\":1}", result.toString());
    assertEquals(
        "404 model_not_found model model 'x' not found; available: parrot, bard",
        TestServer.error(
            server.post(
                "/v1/lens/commands", "{'model':'bard','command':'echo','options':{'with':'x'}}")));
  }

  @Test
  void encodesFiles() {
    byte[] binary = {0, (byte) 0xff, 1};
    String base64 = Base64.getEncoder().encodeToString(binary);
    JsonNode files =
        echo(",'files':{'a.html':'<p>ü','b.tsv':{'base64':'"
                + base64
                + "'},'c.bin':{'base64':'"
                + base64
                + "'},'d.txt':'d'}")
            .path("files");
    assertEquals("<p>ü", files.path("a.html").stringValue());
    assertEquals(base64, files.path("b.tsv").path("base64").stringValue(), "is not UTF-8");
    assertEquals(base64, files.path("c.bin").path("base64").stringValue());
    assertArrayEquals(
        "d".getBytes(StandardCharsets.UTF_8),
        Base64.getDecoder().decode(files.path("d.txt").path("base64").stringValue()));
  }

  @Test
  void returnsTheContentOfAFile() throws Exception {
    HttpResponse<byte[]> response =
        server.sendBytes(
            "/v1/lens/commands",
            """
            {"model":"bard","command":"echo","return":"a/b.bin",
             "files":{"a/b.bin":{"base64":"AP8B"},"c.txt":"c"}}
            """);
    assertEquals(200, response.statusCode());
    assertEquals(
        "application/octet-stream", response.headers().firstValue("Content-Type").orElseThrow());
    assertArrayEquals(new byte[] {0, (byte) 0xff, 1}, response.body());
  }

  @Test
  void listsCommands() {
    assertEquals(
        "{\"commands\":[{\"name\":\"echo\"}],\"shared_files\":[\"shared/a.txt\"],"
            + "\"dictionaries\":[{\"name\":\"shared/a\"}]}",
        server.get("/v1/lens/commands").body().strip());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "'command':'nothing' | command command nothing: not found",
        "'arguments':['a'] | command command: is required",
        "'command':'echo','options':[1] | options options: must be an object",
        "'command':'echo','options':{'a':{'b':1}} | options.a options.a: must be a string, a",
        "'command':'echo','options':{'a':[[1]]} | options.a[0] options.a[0]: must be a string, a",
        "'command':'echo','files':{'a':1} | files.a files.a 1: must be an object",
        "'command':'echo','files':{'a':{'base64':'*'}} | files.a.base64 files.a.base64: must be",
        "'command':'echo','files':{'a':{}} | files.a.base64 files.a.base64: is required",
        "'command':'echo','files':{'a':{'base64':'','x':1}} | files.a.x files.a.x: not supported",
        "'command':'echo','prompt':'a' | prompt prompt: not supported",
        "'command':'echo','return':'x','files':{'a':''} | command command echo: x has no content",
      })
  void rejectsInvalidRequests(String fields, String expected) {
    String error =
        TestServer.error(server.post("/v1/lens/commands", "{'model':'bard'," + fields + "}"));
    assertTrue(error.startsWith("400 "), error);
    assertTrue(error.contains(" " + expected), error);
  }

  @Test
  void rejectsTooManyFiles() {
    var files = new StringBuilder("'a0':''");
    for (int i = 1; i <= 64; i++) {
      files.append(",'a").append(i).append("':''");
    }
    String error =
        TestServer.error(
            server.post(
                "/v1/lens/commands", "{'model':'bard','command':'echo','files':{" + files + "}}"));
    assertTrue(error.contains("files: 65 files exceed the limit of 64"), error);
  }
}
