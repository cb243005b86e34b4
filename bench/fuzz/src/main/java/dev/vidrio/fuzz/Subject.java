package dev.vidrio.fuzz;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelException;
import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.testfiles.GgufWriter;
import dev.vidrio.grammar.ConstraintState;
import dev.vidrio.grammar.Grammar;
import dev.vidrio.grammar.TokenConstraint;
import dev.vidrio.model.generation.AnswerDecoder;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ChatOptions;
import dev.vidrio.template.ChatTemplate;
import dev.vidrio.tokenizer.EncodeOptions;
import dev.vidrio.tokenizer.Tokenizer;
import dev.vidrio.tokenizer.Tokenizers;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * Code that reads an input, for {@link Growth}: the body of a harness, or one for inputs that a
 * harness holds fixed, or that repetition would not leave well-formed.
 *
 * @param name the name in commands and reports
 * @param body runs one input
 * @param seeds creates inputs
 */
record Subject(String name, Harness.Body body, Supplier<List<byte[]>> seeds) {
  private static final String TEXT =
      "The 12 théories,\n 玻璃 can't  be\t\u0301\uD83D\uDE00! <s>aaaa</s>";

  /** The pre-tokenizers with different patterns. */
  private static final List<String> PRE_TOKENIZERS =
      List.of(
          ("gpt-2 smollm dbrx qwen2 qwen35 ufakzeka seed-coder bailingmoe exaone-moe gpt-4o bloom"
                  + " viking falcon default deepseek-coder deepseek-llm deepseek-v3 spark2_5 afmoe"
                  + " tiny_aya superbpe kimi-k2 jais-2 chameleon youtu laguna tekken minicpm5")
              .split(" "));

  /** Returns all subjects, a harness's own first. */
  static List<Subject> all() {
    Stream<Subject> harnesses =
        Harness.all().stream()
            .map(harness -> new Subject(harness.name(), harness.body(), harness.seeds()));
    return Stream.concat(
            harnesses,
            Stream.of(
                new Subject("gguf-items", Subject::readGguf, Subject::ggufItems),
                new Subject("safetensors-items", Subject::readSafetensors, Subject::headers),
                new Subject("merges", Subject::readVocabulary, Subject::vocabularies),
                new Subject("encode", Subject::encode, Subject::texts),
                new Subject("match", Subject::match, Subject::matching),
                new Subject("render", Subject::render, Subject::conversations),
                new Subject("stop", Subject::stop, Subject::stops)))
        .toList();
  }

  /** Returns whether a method, with the name of its class, is one of the product. */
  static boolean isProduct(String method) {
    return method.startsWith("dev.vidrio.")
        && !method.startsWith("dev.vidrio.fuzz.")
        && !method.startsWith("dev.vidrio.formats.testfiles.");
  }

  private static List<String> lines(String text) {
    return text.lines().filter(line -> !line.isEmpty()).toList();
  }

  /** Reads a GGUF file with the keys, arrays and tensors that the lines of the input list. */
  private static void readGguf(byte[] data) {
    GgufWriter writer = new GgufWriter();
    for (String line : lines(new String(data, ISO_8859_1))) {
      int end = line.indexOf('=');
      if (end < 0) {
        writer.appendTensor(line.getBytes(UTF_8), GgmlType.F32, new byte[4], 1);
      } else if (line.startsWith("[", end + 1)) {
        writer.strings(line.substring(0, end), List.of(line.substring(end + 2).split(",", -1)));
      } else {
        writer.string(line.substring(0, end), line.substring(end + 1));
      }
    }
    GgufHarness.fuzzerTestOneInput(writer.toBytes());
  }

  private static List<byte[]> ggufItems() {
    return Fixtures.bytes("a.b=text\nc=[x,y,z\nblk.0.weight\n", "a\nb\n", "k=v\nk=v\n");
  }

  /** Reads a safetensors file with the input as header, and no data. */
  private static void readSafetensors(byte[] data) {
    byte[] file =
        ByteBuffer.allocate(Long.BYTES + data.length)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(data.length)
            .put(data)
            .array();
    SafetensorsHarness.fuzzerTestOneInput(file);
  }

  private static List<byte[]> headers() {
    return Fixtures.bytes(
        "{\"__metadata__\":{\"a\":\"b\",\"c\":\"d\"},"
            + "\"e\":{\"dtype\":\"F16\",\"shape\":[0,1],\"data_offsets\":[0,0]},"
            + "\"f\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}");
  }

  /** Returns the parts of an input between its NULs, at least {@code count}. */
  private static List<String> parts(byte[] data, int count) {
    List<String> parts = new ArrayList<>(List.of(Fixtures.text(data).split("\0", count)));
    while (parts.size() < count) {
      parts.add("");
    }
    return parts;
  }

  /**
   * Reads a vocabulary, with the lines of the parts as model, tokens, merges, and encodes a text.
   */
  private static void readVocabulary(byte[] data) {
    List<String> parts = parts(data, 4);
    try {
      Tokenizer tokenizer =
          vocabulary(parts.get(0), "default", lines(parts.get(1)), lines(parts.get(2)));
      var _ = tokenizer.decode(tokenizer.encode(parts.get(3), EncodeOptions.DEFAULT));
    } catch (ModelException e) {
      Oracle.requireOneLine(e);
    }
  }

  private static Tokenizer vocabulary(
      String model, String pre, List<String> more, List<String> merges) {
    List<String> tokens = new ArrayList<>(List.of("<unk>", "<s>", "</s>"));
    for (int b = 0; b < 256; b++) {
      tokens.add(model.equals("gpt2") ? byteSpelling(b) : "<0x%02X>".formatted(b));
    }
    tokens.addAll(more);
    float[] scores = new float[tokens.size()];
    int[] types = new int[tokens.size()];
    boolean isScored = !model.equals("gpt2");
    for (int i = 0; i < scores.length; i++) {
      scores[i] = -i;
      types[i] = i == 0 ? 2 : i < 3 ? 3 : isScored && i < 259 ? 6 : 1;
    }
    GgufWriter writer =
        new GgufWriter()
            .string("tokenizer.ggml.model", model)
            .string("tokenizer.ggml.pre", pre)
            .strings("tokenizer.ggml.tokens", tokens)
            .int32s("tokenizer.ggml.token_type", types)
            .uint32("tokenizer.ggml.unknown_token_id", 0)
            .uint32("tokenizer.ggml.bos_token_id", 1)
            .uint32("tokenizer.ggml.eos_token_id", 2);
    if (isScored) {
      writer.float32s("tokenizer.ggml.scores", scores);
    } else {
      writer.strings("tokenizer.ggml.merges", merges);
    }
    Gguf gguf = Gguf.parse("input.gguf", MemorySegment.ofArray(writer.toBytes()));
    return Tokenizers.fromGguf(gguf.metadata());
  }

  /** Returns GPT-2's spelling of a byte. */
  private static String byteSpelling(int b) {
    boolean isSame = (b > ' ' && b < 127) || (b > 160 && b != 173);
    int other = b <= ' ' ? b : b < 161 ? b - 127 + 33 : 67;
    return Character.toString(isSame ? b : 256 + other);
  }

  private static List<byte[]> vocabularies() {
    return Fixtures.bytes(
        "gpt2\0aa\naaaa\nth\n\0a a\naa aa\nt h\n\0" + TEXT,
        "llama\0aa\naaaa\n▁the\n\0\0" + TEXT,
        "t5\0aa\naaaa\n▁the\n▁\na\n\0\0" + TEXT,
        "bert\0▁aa\n##aaaa\n▁the\n##a\n\0\0" + TEXT);
  }

  private static final List<Supplier<Tokenizer>> ENCODERS = encoders();

  private static List<Supplier<Tokenizer>> encoders() {
    List<Supplier<Tokenizer>> encoders = new ArrayList<>();
    for (String name : PRE_TOKENIZERS) {
      List<String> merges = List.of("a a", "aa aa", "aaaa aaaa", "t h", "th e", "Ġ Ġ", "ĠĠ ĠĠ");
      List<String> tokens = merges.stream().map(merge -> merge.replace(" ", "")).toList();
      encoders.add(() -> vocabulary("gpt2", name, tokens, merges));
    }
    for (String model : List.of("llama", "t5", "bert")) {
      List<String> tokens = List.of("▁", "a", "aa", "aaaa", "▁the", "▁a", "##a", "##aa", "▁1");
      encoders.add(() -> vocabulary(model, "default", tokens, List.of()));
    }
    return encoders.stream().map(Subject::once).toList();
  }

  private static <T> Supplier<T> once(Supplier<T> supplier) {
    return new Supplier<>() {
      private final List<T> value = new ArrayList<>();

      @Override
      public synchronized T get() {
        if (value.isEmpty()) {
          value.add(supplier.get());
        }
        return value.getFirst();
      }
    };
  }

  /** Encodes and decodes a text with the tokenizer that the first byte chooses. */
  private static void encode(byte[] data) {
    Tokenizer tokenizer = ENCODERS.get(Byte.toUnsignedInt(data[0]) % ENCODERS.size()).get();
    String text = Fixtures.text(Arrays.copyOfRange(data, 1, data.length));
    for (boolean special : List.of(false, true)) {
      var _ = tokenizer.decode(tokenizer.encode(text, new EncodeOptions(special, false)));
    }
  }

  private static List<byte[]> texts() {
    List<byte[]> texts = new ArrayList<>();
    for (int i = 0; i < ENCODERS.size(); i++) {
      for (byte[] text : Fixtures.bytes(TEXT, " \n", "a", "123,456 \r\n\r\n  x'LL", "IMGIMGABZ")) {
        texts.add(joined((byte) i, text));
      }
    }
    return texts;
  }

  private static byte[] joined(byte first, byte[] rest) {
    return ByteBuffer.allocate(1 + rest.length).put(first).put(rest).array();
  }

  private static final List<Supplier<Grammar>> GRAMMARS =
      List.of(
          once(Grammar::json),
          once(() -> Grammar.jsonSchema("{\"type\":\"array\",\"items\":{\"type\":\"string\"}}")),
          once(() -> Grammar.jsonSchema("true")),
          once(() -> Grammar.regex("(a|b|ab)*(c|bc)*")),
          once(() -> Grammar.regex(".*a.{20}")),
          once(() -> Grammar.ebnf("root ::= \"(\" root \")\" | [a-z] root | \"\"")),
          once(
              () ->
                  Grammar.ebnf("root ::= (a | b)*\na ::= \"x\" a?\nb ::= \"x\" b \"y\" | \"x\"")));

  /** Reads a text by the grammar that the first byte chooses, byte by byte. */
  private static void match(byte[] data) {
    Grammar grammar = GRAMMARS.get(Byte.toUnsignedInt(data[0]) % GRAMMARS.size()).get();
    String text = Fixtures.text(Arrays.copyOfRange(data, 1, data.length));
    try {
      var _ = grammar.matches(text);
      ConstraintState state = TokenConstraint.of(grammar, new ByteTokenizer()).start();
      for (byte b : text.getBytes(UTF_8)) {
        if (!state.allows(Byte.toUnsignedInt(b))) {
          return;
        }
        state = state.after(Byte.toUnsignedInt(b));
        var _ = state.mask();
      }
    } catch (InvalidInputException e) {
      Oracle.requireOneLine(e);
    }
  }

  private static List<byte[]> matching() {
    List<byte[]> texts = new ArrayList<>();
    for (int i = 0; i < GRAMMARS.size(); i++) {
      String json = "{\"a\": [1, \"b\", {\"c\": null}, -2.5e3], \"d\": {\"e\": [[]]}}";
      for (byte[] text :
          Fixtures.bytes(json, "[\"x\",\"\\n\"]", "ababcc", "((ab)c)", "xxxyy", "aaaa")) {
        texts.add(joined((byte) i, text));
      }
    }
    return texts;
  }

  private static final List<ChatTemplate> TEMPLATES =
      Stream.of(
              "alternating",
              "chatml",
              "gemma4",
              "gpt-oss",
              "granite3.3",
              "mistral-nemo",
              "parts",
              "qwen3",
              "schema",
              "thinking",
              "tools",
              "whitespace")
          .map(
              name ->
                  ChatTemplate.parse(
                      name,
                      Fixtures.text(
                          Fixtures.read(
                              "java/template/src/test/resources/dev/vidrio/template/templates/"
                                  + name
                                  + ".jinja"))))
          .toList();

  /**
   * Renders a conversation with the template that the first byte chooses. The parts of the rest
   * between NULs are messages of users and the assistant in turn.
   */
  private static void render(byte[] data) {
    ChatTemplate template = TEMPLATES.get(Byte.toUnsignedInt(data[0]) % TEMPLATES.size());
    String text = Fixtures.text(Arrays.copyOfRange(data, 1, data.length));
    List<ChatMessage> messages = new ArrayList<>();
    List<String> contents = List.of(text.split("\0", -1));
    for (int i = 0; i < contents.size(); i++) {
      String content = contents.get(i);
      messages.add(i % 2 == 0 ? ChatMessage.user(content) : ChatMessage.assistant(content));
    }
    ChatOptions options =
        ChatOptions.builder()
            .bosToken("<s>")
            .eosToken("</s>")
            .tool(
                Map.of(
                    "type",
                    "function",
                    "function",
                    Map.of(
                        "name", "f", "description", contents.getFirst(), "parameters", Map.of())))
            .build();
    try {
      var _ = template.render(messages, options);
    } catch (InvalidInputException e) {
      // The limit of steps grows with the characters, but not with the number of messages.
      Oracle.requireOneLine(e);
    }
  }

  private static List<byte[]> conversations() {
    List<byte[]> conversations = new ArrayList<>();
    for (int i = 0; i < TEMPLATES.size(); i++) {
      for (byte[] text :
          Fixtures.bytes(
              "Hi\0Hello <b>.\0And\0<think>So.</think> Yes\0x", "<think>a</think>\0<tool_call>")) {
        conversations.add(joined((byte) i, text));
      }
    }
    return conversations;
  }

  /** Decodes a text, the last part of the input, with the other parts as stop strings. */
  private static void stop(byte[] data) {
    List<String> parts = new ArrayList<>(List.of(Fixtures.text(data).split("\0", -1)));
    byte[] text = parts.removeLast().getBytes(UTF_8);
    parts.removeIf(String::isEmpty);
    var decoder = new AnswerDecoder(new ByteTokenizer(), parts);
    for (byte b : text) {
      var _ = decoder.accept(Byte.toUnsignedInt(b));
    }
    var _ = decoder.finish();
  }

  private static List<byte[]> stops() {
    return Fixtures.bytes(
        "aab\0bc\0aaaaaaab", "ab\0ababababc", "x\0text", "ab\0aaaaa", "aab\0aaaac");
  }
}
