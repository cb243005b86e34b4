package dev.vidrio.model.state;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * The format of a computed state: a header of {@value #HEADER} bytes and the bytes of its parts,
 * such as a block of the key-value cache or a slot. All numbers are little-endian.
 *
 * <pre>
 *    0  "VDSTATE" and a zero byte
 *    8  int32   version of the format, 1
 *   12  int32   positions: the number of tokens after which the state is reached
 *   16  byte[32] the {@link StateKey}
 *   48  int64   bytes of all parts
 *   56  int32   CRC-32C of the parts (RFC 3720)
 *   60  int32   CRC-32C of the header up to here
 * </pre>
 *
 * <p>The parts have the layout of the memory of a {@code KvCache}, which does not depend on the
 * instruction set. A reader knows key, positions and sizes; whatever differs from them is rejected
 * before a part is read, and a damaged part after. No size of a file is trusted.
 */
public final class StateFile {
  /** Bytes of the header. */
  public static final int HEADER = 64;

  private static final byte[] MAGIC = "VDSTATE\0".getBytes(StandardCharsets.US_ASCII);
  private static final int VERSION = 1;

  private StateFile() {}

  /** Returns the bytes of a state with these parts. */
  public static long bytes(List<MemorySegment> parts) {
    return HEADER + parts.stream().mapToLong(MemorySegment::byteSize).sum();
  }

  /** Writes a state at the position of a channel. */
  public static void write(
      WritableByteChannel channel, StateKey key, int positions, List<MemorySegment> parts)
      throws IOException {
    writeAll(channel, header(key, positions, bytes(parts) - HEADER, checksum(parts)));
    for (MemorySegment part : parts) {
      writeAll(channel, part.asByteBuffer());
    }
  }

  /**
   * Reads a state at the position of a channel into its parts.
   *
   * @throws DamagedStateException if it is another state, has another size, is damaged or ends
   *     early; the contents of the parts are then undefined
   */
  public static void read(
      ReadableByteChannel channel, StateKey key, int positions, List<MemorySegment> parts)
      throws IOException {
    ByteBuffer header = ByteBuffer.allocate(HEADER).order(ByteOrder.LITTLE_ENDIAN);
    readAll(channel, header, "header");
    int checksum = header.getInt(56);
    byte[] expected = header(key, positions, bytes(parts) - HEADER, checksum).array();
    requireEqual(header.array(), expected);
    for (MemorySegment part : parts) {
      readAll(channel, part.asByteBuffer(), "content");
    }
    if (checksum(parts) != checksum) {
      throw new DamagedStateException("checksum of the content: differs");
    }
  }

  /** Names the first field of a header that differs. */
  private static void requireEqual(byte[] header, byte[] expected) throws DamagedStateException {
    int at = Arrays.mismatch(header, expected);
    if (at >= 0) {
      String field =
          at < 8
              ? "magic number"
              : at < 12
                  ? "version"
                  : at < 16
                      ? "positions"
                      : at < 48 ? "key" : at < 56 ? "size" : "checksum of the header";
      throw new DamagedStateException(field + ": differs");
    }
  }

  private static ByteBuffer header(StateKey key, int positions, long bytes, int checksum) {
    ByteBuffer header = ByteBuffer.allocate(HEADER).order(ByteOrder.LITTLE_ENDIAN);
    header.put(MAGIC).putInt(VERSION).putInt(positions);
    key.putTo(header);
    header.putLong(bytes).putInt(checksum);
    var crc = new CRC32C();
    crc.update(header.array(), 0, header.position());
    return header.putInt((int) crc.getValue()).flip();
  }

  private static int checksum(List<MemorySegment> parts) {
    var crc = new CRC32C();
    parts.forEach(part -> crc.update(part.asByteBuffer()));
    return (int) crc.getValue();
  }

  private static void writeAll(WritableByteChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  private static void readAll(ReadableByteChannel channel, ByteBuffer bytes, String what)
      throws IOException {
    while (bytes.hasRemaining()) {
      if (channel.read(bytes) < 0) {
        throw new DamagedStateException(what + ": ends early");
      }
    }
  }
}
