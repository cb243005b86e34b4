package dev.vidrio.model.state;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.kernel.Batch;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.kernel.host.CacheDirectory;
import dev.vidrio.model.load.LoadedModel;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.SequenceCheckpoint;
import dev.vidrio.model.session.Session;
import dev.vidrio.template.ChatMessage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;
import tools.jackson.core.JacksonException;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A conversation with its computed state in a file. All numbers are little-endian:
 *
 * <pre>
 *    0  "VDCHAT" and two zero bytes
 *    8  int32  version of the format, 1
 *   12  int32  bytes of the text
 *   16  int32  CRC-32C of the text
 *   20  text   JSON: model, model_hash, messages, tokens, first_reachable, key
 *    …  the state of the tokens: a {@link StateFile} of all blocks and the slot; or nothing
 * </pre>
 *
 * <p>The file is only readable by its owner and replaces an existing one at once.
 */
public final class ConversationFile {
  private static final byte[] MAGIC = "VDCHAT\0\0".getBytes(StandardCharsets.US_ASCII);
  private static final int VERSION = 1;
  private static final int HEADER = 20;

  private final List<ChatMessage> messages;
  private final int[] tokens;

  private ConversationFile(List<ChatMessage> messages, int[] tokens) {
    this.messages = List.copyOf(messages);
    this.tokens = tokens;
  }

  /** Returns the messages. */
  public List<ChatMessage> messages() {
    return messages;
  }

  /** Returns the tokens with state in the sequence. */
  public int[] tokens() {
    return tokens.clone();
  }

  private static ModelHash hash(LoadedModel model) {
    return ModelHash.of(model, CacheDirectory.root().resolve("hashes"));
  }

  /** Returns the key of a sequence's state; the text has the tokens after the last full span. */
  private static StateKey key(Session session, Sequence sequence, int[] tokens) {
    StateKey root = StateKey.root(hash(session.model()), session, "", sequence.adaptation());
    return root.next(tokens, 0, tokens.length / StateKey.SPAN * StateKey.SPAN);
  }

  /**
   * Writes a conversation.
   *
   * @param tokens those that the sequence has run
   * @throws UncheckedIOException if the file cannot be written; an existing one is unchanged
   */
  public static void write(
      Path file, List<ChatMessage> messages, Session session, Sequence sequence, int[] tokens) {
    session.requireOpen();
    KvCache cache = session.cache();
    StateKey key = key(session, sequence, tokens);
    String text =
        JsonMapper.shared()
            .writeValueAsString(
                Map.of(
                    "model",
                    session.model().name(),
                    "model_hash",
                    hash(session.model()).hex(),
                    "messages",
                    messages.stream().map(ChatMessage::fields).toList(),
                    "tokens",
                    tokens,
                    "first_reachable",
                    sequence.firstReachable(),
                    "key",
                    key.hex()));
    byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
    ByteBuffer head = ByteBuffer.allocate(HEADER + utf8.length).order(ByteOrder.LITTLE_ENDIAN);
    head.put(MAGIC).putInt(VERSION).putInt(utf8.length).putInt(checksum(utf8)).put(utf8).flip();
    try (SequenceCheckpoint state = sequence.checkpoint(tokens)) {
      PrivateFiles.write(
          file.toAbsolutePath(),
          channel -> {
            while (head.hasRemaining()) {
              channel.write(head);
            }
            if (tokens.length > 0) {
              StateFile.write(
                  channel, key, tokens.length, parts(cache, state.blocks(), state.slot()));
            }
          });
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static List<MemorySegment> parts(KvCache cache, int[] blocks, int slot) {
    List<MemorySegment> parts = new ArrayList<>();
    for (int block : blocks) {
      parts.addAll(cache.block(block));
    }
    if (slot != Batch.NO_SLOT) {
      parts.add(cache.slot(slot));
    }
    return parts;
  }

  private static int checksum(byte[] bytes) {
    var crc = new CRC32C();
    crc.update(bytes);
    return (int) crc.getValue();
  }

  /**
   * Reads a conversation, and its state into an empty sequence. If the session has another element
   * type, another adapter or too short a context, the sequence stays empty, and the next answer
   * computes the state again.
   *
   * @throws ModelFileException if the file is missing or damaged, or belongs to another model
   */
  public static ConversationFile read(Path file, Session session, Sequence sequence) {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      return read(file, channel, session, sequence);
    } catch (NoSuchFileException e) {
      throw new ModelFileException(file.toString(), "", "", "no such file", e);
    } catch (DamagedStateException e) {
      throw damaged(file, e);
    } catch (IOException e) {
      throw new ModelFileException(file.toString(), "", "", "cannot be read: " + e, e);
    }
  }

  private static ModelFileException damaged(Path file, Exception cause) {
    return new ModelFileException(
        file.toString(), "", "", "is not a whole conversation: " + cause.getMessage(), cause);
  }

  private static ConversationFile read(
      Path file, FileChannel channel, Session session, Sequence sequence) throws IOException {
    JsonNode json = text(channel);
    String model = json.path("model").asString("");
    String hash = json.path("model_hash").asString("");
    ModelHash own = hash(session.model());
    if (!hash.equals(own.hex())) {
      throw new ModelFileException(
          file.toString(),
          "model",
          model,
          "the conversation is with this model, not with " + session.model().name());
    }
    try {
      List<ChatMessage> messages = new ArrayList<>();
      for (JsonNode message : array(json, "messages")) {
        if (!message.isObject()) {
          throw new DamagedStateException("messages: must be objects");
        }
        messages.add(
            ChatMessage.of(JsonMapper.shared().convertValue(message, new TypeReference<>() {})));
      }
      int[] tokens = JsonMapper.shared().convertValue(array(json, "tokens"), int[].class);
      boolean fits =
          tokens.length > 0
              && tokens.length <= session.limits().positions()
              && json.path("key").asString("").equals(key(session, sequence, tokens).hex());
      if (fits) {
        readState(channel, session, sequence, tokens, json.path("first_reachable").asInt(0));
      }
      return new ConversationFile(messages, fits ? tokens : new int[0]);
    } catch (JacksonException | IllegalArgumentException | InvalidInputException e) {
      throw damaged(file, e);
    }
  }

  private static JsonNode array(JsonNode json, String name) throws DamagedStateException {
    JsonNode value = json.path(name);
    if (!value.isArray()) {
      throw new DamagedStateException(name + ": must be an array");
    }
    return value;
  }

  private static JsonNode text(FileChannel channel) throws IOException {
    ByteBuffer header = ByteBuffer.allocate(HEADER).order(ByteOrder.LITTLE_ENDIAN);
    readAll(channel, header);
    if (!Arrays.equals(header.array(), 0, MAGIC.length, MAGIC, 0, MAGIC.length)) {
      throw new DamagedStateException("magic number: differs");
    }
    if (header.getInt(8) != VERSION) {
      throw new DamagedStateException("version " + header.getInt(8) + ": must be " + VERSION);
    }
    int bytes = header.getInt(12);
    if (bytes < 0 || bytes > channel.size() - HEADER) {
      throw new DamagedStateException("bytes of the text " + bytes + ": past the file's end");
    }
    ByteBuffer text = ByteBuffer.allocate(bytes);
    readAll(channel, text);
    if (checksum(text.array()) != header.getInt(16)) {
      throw new DamagedStateException("checksum of the text: differs");
    }
    try {
      return JsonMapper.shared().readTree(text.array());
    } catch (JacksonException e) {
      throw new DamagedStateException("text: invalid JSON");
    }
  }

  private static void readAll(FileChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      if (channel.read(bytes) < 0) {
        throw new DamagedStateException("ends early");
      }
    }
  }

  private static void readState(
      FileChannel channel, Session session, Sequence sequence, int[] tokens, int firstReachable)
      throws IOException {
    KvCache cache = session.cache();
    int[] blocks = new int[KvCache.blocksFor(tokens.length)];
    int acquired = 0;
    int slot = Batch.NO_SLOT;
    try {
      for (; acquired < blocks.length; acquired++) {
        blocks[acquired] = cache.acquire();
      }
      slot = cache.acquireSlot();
      StateFile.read(
          channel, key(session, sequence, tokens), tokens.length, parts(cache, blocks, slot));
      int reachable = Math.clamp(firstReachable, 0, tokens.length);
      try (var state = new SequenceCheckpoint(cache, tokens, blocks, slot, reachable)) {
        var _ = sequence.restore(state, tokens.length);
      }
    } finally {
      for (int i = 0; i < acquired; i++) {
        cache.release(blocks[i]);
      }
      if (slot != Batch.NO_SLOT) {
        cache.releaseSlot(slot);
      }
    }
  }
}
