package dev.vidrio.fuzz;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.vidrio.error.ModelException;
import dev.vidrio.kernel.java.JavaExecutor;
import dev.vidrio.model.Model;
import dev.vidrio.model.ModelOptions;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.model.state.ConversationFile;
import dev.vidrio.template.ChatMessage;
import java.io.ByteArrayInputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * Reads a saved conversation with its computed state: as it is, and with checksums and the length
 * of the text that fit, which a fuzzer does not find. One that is accepted is written and read
 * again, with equal messages and tokens. No block of the cache is left.
 */
public final class ConversationHarness {
  private static final String MODEL =
      "java/model/src/test/resources/dev/vidrio/model/architecture/llama/model.gguf";

  /** Bytes before the text, and before the content of the state. */
  private static final int HEADER = 20;

  private static final int STATE_HEADER = 64;
  private static final byte[] STATE = "VDSTATE\0".getBytes(US_ASCII);

  private static final Path FILE = Fixtures.scratch().resolve("saved.chat");
  private static final Session SESSION = session();

  private ConversationHarness() {}

  private static Session session() {
    byte[] gguf = Fixtures.read(MODEL);
    return Model.read(
            "model.gguf",
            new ByteArrayInputStream(gguf),
            gguf.length,
            ModelOptions.with(() -> JavaExecutor.scalar(1)))
        .newSession(SessionOptions.DEFAULT);
  }

  /** Opens the model before the first input, since its time is limited. */
  public static void fuzzerInitialize() {
    read(new byte[0]);
  }

  /** Runs one input. */
  public static void fuzzerTestOneInput(byte[] data) {
    read(data);
    read(repaired(data));
  }

  private static void read(byte[] data) {
    int free = SESSION.cache().freeBlocks();
    Fixtures.write(FILE, data);
    try (Sequence sequence = SESSION.newSequence();
        Sequence other = SESSION.newSequence()) {
      ConversationFile saved = ConversationFile.read(FILE, SESSION, sequence);
      int[] tokens = saved.tokens();
      Oracle.requireEqual(tokens.length, sequence.length(), "tokens and state");
      ConversationFile.write(FILE, saved.messages(), SESSION, sequence, tokens);
      ConversationFile again = ConversationFile.read(FILE, SESSION, other);
      Oracle.requireEqual(fields(saved), fields(again), "messages");
      Oracle.require(Arrays.equals(tokens, again.tokens()), "tokens differ");
    } catch (ModelException e) {
      Oracle.requireOneLine(e);
    }
    Oracle.requireEqual(free, SESSION.cache().freeBlocks(), "free blocks");
  }

  private static List<?> fields(ConversationFile file) {
    return file.messages().stream().map(ChatMessage::fields).toList();
  }

  private static byte[] repaired(byte[] data) {
    if (data.length < HEADER) {
      return data;
    }
    byte[] bytes = data.clone();
    ByteBuffer file = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    int state = HEADER;
    while (state < data.length && !Arrays.equals(at(data, state, STATE.length), STATE)) {
      state++;
    }
    file.putInt(HEADER - 8, state - HEADER);
    file.putInt(HEADER - 4, checksum(bytes, HEADER, state));
    int content = state + STATE_HEADER;
    if (content <= data.length) {
      file.putInt(content - 8, checksum(bytes, content, data.length));
      file.putInt(content - 4, checksum(bytes, state, content - 4));
    }
    return bytes;
  }

  private static byte[] at(byte[] data, int from, int length) {
    return Arrays.copyOfRange(data, from, Math.min(data.length, from + length));
  }

  private static int checksum(byte[] file, int from, int to) {
    var crc = new CRC32C();
    crc.update(file, from, to - from);
    return (int) crc.getValue();
  }

  /** Returns conversations with a state, with calls, and without tokens. */
  public static List<byte[]> seeds() {
    ChatMessage question = ChatMessage.user("Noon?");
    ChatMessage answer = ChatMessage.assistant("It is é.");
    return List.of(
        written(List.of(question, answer), 20),
        written(List.of(question), 1),
        written(List.of(), 0));
  }

  private static byte[] written(List<ChatMessage> messages, int count) {
    int[] tokens = new int[count];
    Arrays.setAll(tokens, i -> i % 7);
    try (Sequence sequence = SESSION.newSequence()) {
      if (count > 0) {
        SESSION.begin();
        for (int token : tokens) {
          SESSION.add(sequence, token, false);
        }
        SESSION.run();
      }
      ConversationFile.write(FILE, messages, SESSION, sequence, tokens);
    }
    return Fixtures.read(FILE);
  }
}
