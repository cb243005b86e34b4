package dev.vidrio.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.testfiles.FaultyFileSystem;
import dev.vidrio.formats.testfiles.FaultyFileSystem.Work;
import dev.vidrio.formats.testfiles.SafetensorsImage;
import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.model.adapter.Adapter;
import dev.vidrio.model.chat.Chat;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.quantize.FileType;
import dev.vidrio.model.quantize.QuantizeOptions;
import dev.vidrio.model.quantize.Quantizer;
import dev.vidrio.model.receipt.Receipt;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.model.testfiles.TinyAdapter;
import dev.vidrio.template.ChatOptions;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * Lets each operation on files fail in turn. Then an error names the file, no file is written in
 * part, no mapped memory remains, and the next attempt succeeds.
 */
class FileFaultTest {
  private static final String OLD = "old content";
  private static final GenerationOptions OPTIONS =
      GenerationOptions.DEFAULT.withTokens(5).withIgnoreEnd(true);

  @TempDir private Path directory;
  private final FaultyFileSystem files = new FaultyFileSystem();
  private Path model;

  @BeforeEach
  void writeModel() throws IOException {
    model = TinyModel.writeChat(directory.resolve("tiny.gguf"));
  }

  private Path faulty(String name) {
    return files.path(directory.resolve(name));
  }

  private void assertNamesFileAndReason(Exception e) {
    FaultyFileSystem.assertNamesFileAndReason(directory, e);
  }

  /** Lets each operation of reading a file fail. */
  private void assertReads(Work read) throws IOException {
    int operations =
        files.failEach(
            () -> {},
            read,
            this::assertNamesFileAndReason,
            () -> assertFalse(files.hasMappedMemory()));
    assertTrue(operations > 2, () -> operations + " operations");
  }

  /** Lets each operation of writing a file fail, which has old content. */
  private void assertWrites(Path target, Work write) throws IOException {
    Files.deleteIfExists(target);
    write.run();
    byte[] whole = Files.readAllBytes(target);
    List<Path> before = list();
    int operations =
        files.failEach(
            () -> Files.writeString(target, OLD),
            write,
            this::assertNamesFileAndReason,
            () -> {
              byte[] now = Files.readAllBytes(target);
              if (!OLD.equals(new String(now, StandardCharsets.ISO_8859_1))) {
                assertArrayEquals(whole, now);
              }
              assertEquals(before, list());
            });
    assertTrue(operations > 4, () -> operations + " operations");
    assertArrayEquals(whole, Files.readAllBytes(target));
  }

  private List<Path> list() throws IOException {
    try (Stream<Path> paths = Files.list(directory)) {
      return paths.sorted().toList();
    }
  }

  @Test
  void opensModels() throws IOException {
    assertReads(() -> open().close());
  }

  /** Truncates the file after each of its pages, right after it was mapped. */
  @Test
  @EnabledOnOs(OS.LINUX)
  void rejectsModelsThatAreTruncatedWhileTheyOpen() throws IOException {
    byte[] whole = Files.readAllBytes(model);
    for (int left = 0; left + 4096 < whole.length; left += 4096) {
      int length = left;
      Files.write(model, whole);
      files.afterMap(() -> Files.write(model, Arrays.copyOf(whole, length)));
      var e = assertThrows(RuntimeException.class, () -> open().close(), () -> "" + length);
      assertTrue(String.valueOf(e.getMessage()).contains("was truncated while"), e::toString);
      assertFalse(files.hasMappedMemory());
    }
    Files.write(model, whole);
    files.afterMap(() -> {});
    open().close();
  }

  private Model open() {
    return Model.open(faulty("tiny.gguf"));
  }

  /** A file with an optional part of a model is read or an error, never ignored. */
  @Test
  void opensDirectories() throws IOException {
    Path bert = Files.createDirectories(directory.resolve("bert"));
    for (String file : List.of("config.json", "model.safetensors")) {
      Path fixture = Path.of("src/test/resources/dev/vidrio/model/encoder/bert");
      Files.copy(fixture.resolve(file), bert.resolve(file));
    }
    String module = "{\"idx\": 1, \"path\": \"1_Pooling\", \"type\": \"Pooling\"}";
    Files.writeString(bert.resolve("modules.json"), "[" + module + "]");
    Path pooling = Files.createDirectory(bert.resolve("1_Pooling"));
    Files.writeString(pooling.resolve("config.json"), "{\"pooling_mode_cls_token\": true}");
    Files.writeString(
        bert.resolve("config_sentence_transformers.json"), "{\"prompts\": {\"query\": \"q: \"}}");
    Files.writeString(bert.resolve("tokenizer_config.json"), "{\"chat_template\": \"a\"}");
    Files.writeString(bert.resolve("chat_template.jinja"), "{{ messages[0].content }}");
    var opened = new HashSet<Set<String>>();
    assertReads(
        () -> {
          try (Model model = Model.open(faulty("bert"))) {
            opened.add(model.gguf().metadata().entries().keySet());
          }
        });
    assertEquals(1, opened.size());
    assertTrue(opened.iterator().next().contains("tokenizer.chat_template"));
  }

  @Test
  void opensAdapters() throws IOException {
    TinyAdapter.write(directory.resolve("adapter.gguf"), 4, 8, 1);
    try (Model open = Model.open(model)) {
      assertReads(
          () -> {
            try (Adapter adapter = open.openAdapter(faulty("adapter.gguf"))) {
              assertEquals(4, adapter.rank());
            }
          });
    }
  }

  @Test
  void opensPeftAdapters() throws IOException {
    Path peft = writePeftAdapter();
    try (Model open = Model.open(model)) {
      Work read = () -> open.openAdapter(faulty("peft")).close();
      assertReads(read);
      files.shortenTransfers();
      read.run();
      assertRejectsTruncation(peft.resolve("adapter_model.safetensors"), read);
    }
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void rejectsAdaptersThatAreTruncatedWhileTheyOpen() throws IOException {
    Path adapter = TinyAdapter.write(directory.resolve("adapter.gguf"), 4, 8, 1);
    try (Model open = Model.open(model)) {
      assertRejectsTruncation(adapter, () -> open.openAdapter(faulty("adapter.gguf")).close());
    }
  }

  /** Truncates the file right after it was mapped. */
  private void assertRejectsTruncation(Path file, Work read) throws IOException {
    byte[] whole = Files.readAllBytes(file);
    assertTrue(whole.length > 4096);
    files.afterMap(() -> Files.write(file, Arrays.copyOf(whole, whole.length % 4096)));
    var e = assertThrows(ModelFileException.class, read::run);
    assertTrue(String.valueOf(e.getMessage()).contains("was truncated while"), e::toString);
    assertFalse(files.hasMappedMemory());
    files.afterMap(() -> {});
    Files.write(file, whole);
    read.run();
  }

  private Path writePeftAdapter() throws IOException {
    Path peft = Files.createDirectories(directory.resolve("peft"));
    Files.writeString(
        peft.resolve("adapter_config.json"),
        "{\"peft_type\": \"LORA\", \"r\": 64, \"lora_alpha\": 4, \"target_modules\":"
            + " [\"q_proj\"]}");
    String module = "base_model.model.model.layers.0.self_attn.q_proj.";
    var tensors =
        new SafetensorsImage()
            .zeros(module + "lora_A.weight", "F32", 4, 64, 32)
            .zeros(module + "lora_B.weight", "F32", 4, 32, 64);
    Files.write(peft.resolve("adapter_model.safetensors"), tensors.bytes());
    return peft;
  }

  @Test
  void quantizes() throws IOException {
    Path target = directory.resolve("q8.gguf");
    QuantizeOptions options = QuantizeOptions.of(FileType.Q8_0);
    assertWrites(target, () -> Quantizer.quantize(faulty("tiny.gguf"), faulty("q8.gguf"), options));
    assertFalse(files.hasMappedMemory());
  }

  private Chat openChat(Model open) {
    return open.openChat(faulty("chat"), ChatOptions.DEFAULT, OPTIONS, SessionOptions.DEFAULT);
  }

  @Test
  void savesAndOpensChats() throws IOException {
    try (Model open = Model.open(model);
        Chat chat = open.newChat(ChatOptions.DEFAULT, OPTIONS, SessionOptions.DEFAULT)) {
      var _ = chat.send("a").result();
      assertWrites(directory.resolve("chat"), () -> chat.save(faulty("chat")));
      List<Integer> expected = chat.send("b").result().tokens();
      Work read =
          () -> {
            try (Chat again = openChat(open)) {
              assertEquals(expected, again.send("b").result().tokens());
            }
          };
      assertReads(read);
      files.shortenTransfers();
      read.run();
    }
  }

  @Test
  void writesAndReadsReceipts() throws IOException {
    try (Model open = Model.open(model)) {
      Receipt receipt =
          Objects.requireNonNull(open.generate("a", OPTIONS.withReceipt(true)).result().receipt());
      assertWrites(directory.resolve("receipt"), () -> receipt.write(faulty("receipt")));
      files.shortenTransfers();
      assertReads(() -> assertEquals(receipt.toJson(), Receipt.read(faulty("receipt")).toJson()));
    }
  }
}
