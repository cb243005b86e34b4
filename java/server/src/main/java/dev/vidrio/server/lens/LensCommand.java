package dev.vidrio.server.lens;

import dev.vidrio.lens.TokenLimit;
import dev.vidrio.model.Model;
import dev.vidrio.server.command.LensCommands;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonObject;
import dev.vidrio.server.http.JsonValue;
import dev.vidrio.server.model.ServedModel;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A request of {@code /v1/lens/commands}, with the fields of {@link LensCommands.Request}.
 *
 * @param commands runs the request
 * @param others the models that the command may use beside its own
 * @param returned the name of a file that the command writes, to respond with its content; null for
 *     JSON with all files
 */
record LensCommand(
    LensCommands commands,
    LensCommands.Models others,
    String command,
    List<String> arguments,
    Map<String, Object> options,
    Map<String, byte[]> files,
    @Nullable String returned)
    implements LensRequest {
  private static final int MAX_ARGUMENTS = 16;
  private static final int MAX_FILES = 64;

  /** Maximum bytes of the files in a response. */
  private static final long MAX_BYTES = 64 << 20;

  /** Maximum bytes of a file that is the response. */
  private static final long MAX_RETURNED_BYTES = 512 << 20;

  /** Extensions of text files; contents of others are in Base64. */
  private static final List<String> TEXTS = List.of(".html", ".json", ".jsonl", ".tsv", ".dot");

  static LensCommand read(LensCommands commands, LensCommands.Models others, JsonFields fields) {
    Map<String, Object> options = new LinkedHashMap<>();
    fields
        .optional("options", JsonValue::fields)
        .ifPresent(given -> given.forEach((name, value) -> options.put(name, option(value))));
    Map<String, byte[]> files = new LinkedHashMap<>();
    JsonValue contents = fields.value("files");
    if (contents != null) {
      contents.fields().forEach((name, value) -> files.put(name, file(value)));
      LensInput.requireAtMost("files", files.size(), "files", MAX_FILES);
    }
    return new LensCommand(
        commands,
        others,
        fields.required("command").string(),
        fields.strings("arguments", MAX_ARGUMENTS),
        options,
        files,
        fields.string("return"));
  }

  private static Object option(JsonValue value) {
    if (!value.isArray()) {
      return single(value);
    }
    return value.elements(0, Integer.MAX_VALUE).stream().map(LensCommand::single).toList();
  }

  private static Object single(JsonValue value) {
    Object tree = value.tree();
    if (tree instanceof String || tree instanceof Number || tree instanceof Boolean) {
      return tree;
    }
    throw value.error("must be a string, a number, a boolean, or an array of these");
  }

  private static byte[] file(JsonValue value) {
    if (value.isString()) {
      return value.string().getBytes(StandardCharsets.UTF_8);
    }
    JsonFields fields = value.fields();
    JsonValue base64 = fields.required("base64");
    fields.end();
    try {
      return Base64.getDecoder().decode(base64.string());
    } catch (IllegalArgumentException e) {
      throw ApiException.invalid(base64.path(), "must be Base64: " + e.getMessage());
    }
  }

  @Override
  public boolean isJson() {
    return returned == null;
  }

  @Override
  public boolean supportsEncoders() {
    return true;
  }

  @Override
  public Supplier<Answer> prepare(ServedModel model) {
    var request = new LensCommands.Request(model.id(), command, arguments, options, files);
    return () ->
        TokenLimit.call(
            LensInput.MAX_TOKENS,
            () -> {
              try {
                return answer(request, model.model());
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            });
  }

  private Answer answer(LensCommands.Request request, Model model) throws IOException {
    if (returned != null) {
      return Answer.bytes(
          commands.runForFile(request, model, others, returned, MAX_RETURNED_BYTES));
    }
    LensCommands.Result result = commands.run(request, model, others);
    long bytes = result.files().values().stream().mapToLong(content -> content.length).sum();
    LensInput.requireAtMost("files", bytes, "bytes of the response", MAX_BYTES);
    var written = new JsonObject();
    result.files().forEach((name, content) -> written.put(name, toJson(name, content)));
    return Answer.json(
        new JsonObject()
            .with("model", request.model())
            .with("command", command)
            .with("result", result.json())
            .with("files", written));
  }

  private static Object toJson(String name, byte[] content) {
    String text = TEXTS.stream().anyMatch(name::endsWith) ? utf8(content) : null;
    return text == null
        ? new JsonObject().with("base64", Base64.getEncoder().encodeToString(content))
        : text;
  }

  private static @Nullable String utf8(byte[] content) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(content)).toString();
    } catch (CharacterCodingException e) {
      return null;
    }
  }
}
