package dev.vidrio.formats.gguf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.testfiles.GgufImage;
import dev.vidrio.formats.testfiles.GgufWriter;
import dev.vidrio.formats.testfiles.SampleFile;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GgufTest {

  @TempDir private Path directory;

  private static Gguf parse(byte[] bytes) {
    return Gguf.parse("t.gguf", MemorySegment.ofArray(bytes));
  }

  private static void failsToOpen(Path path, String reason) {
    try (Arena arena = Arena.ofConfined()) {
      ModelFileException e = assertThrows(ModelFileException.class, () -> Gguf.open(path, arena));
      assertEquals(path + ": " + reason, e.getMessage());
    }
  }

  @Test
  void readsMappedFile() throws IOException {
    byte[] data = {1, 2, 3, 4, 5, 6, 7, 8};
    GgufWriter writer = SampleFile.writer().tensor("first", GgmlType.F32, data, 2);
    Path path = Files.write(directory.resolve("sample.gguf"), writer.toBytes());
    Gguf gguf;
    try (Arena arena = Arena.ofConfined()) {
      gguf = Gguf.open(path, arena);
      assertEquals(path.toString(), gguf.name());
      assertEquals(3, gguf.version());
      assertEquals(Files.size(path), gguf.size());
      assertEquals(32, gguf.alignment());
      assertEquals(17, gguf.metadata().entries().size());
      MemorySegment first = gguf.tensor("first").data();
      assertEquals(
          List.of((byte) 1, (byte) 8, 8L),
          List.of(
              first.get(ValueLayout.JAVA_BYTE, 0),
              first.get(ValueLayout.JAVA_BYTE, 7),
              first.byteSize()));
      assertTrue(first.isReadOnly());
      assertTrue(first.isMapped());
    }
    assertThrows(
        IllegalStateException.class,
        () -> gguf.tensor("first").data().get(ValueLayout.JAVA_BYTE, 0));
    assertThrows(IllegalStateException.class, () -> gguf.metadata().string("a.string"));
  }

  @Test
  void locatesTensors() {
    GgufImage image = SampleFile.image();
    Gguf gguf = parse(image.bytes());
    assertEquals(image.at("data"), gguf.dataOffset());
    assertEquals(
        List.of("first F32 [4, 2]", "second Q8_0 [64, 2]", "third F16 [32]"),
        gguf.tensors().stream().map(GgufTensor::toString).toList());
    assertEquals(
        List.of(0L, 32L, 192L),
        gguf.tensors().stream().map(t -> t.offset() - gguf.dataOffset()).toList());
    assertEquals(
        List.of(32L, 136L, 64L), gguf.tensors().stream().map(t -> t.data().byteSize()).toList());
    GgufTensor second = gguf.tensor("second");
    assertEquals(64, second.dim(0));
    assertEquals(2, second.dim(1));
    assertEquals(1, second.dim(2));
    assertEquals(2, second.rows());
    assertEquals(128, second.elements());
    assertTrue(second.data().isReadOnly());
  }

  @Test
  void namesMissingTensors() {
    Gguf gguf = parse(SampleFile.image().bytes());
    assertEquals(Optional.empty(), gguf.findTensor("fourth"));
    assertEquals(Optional.of(gguf.tensors().get(2)), gguf.findTensor("third"));
    assertEquals(
        "t.gguf: tensor 'fourth': is missing",
        assertThrows(ModelFileException.class, () -> gguf.tensor("fourth")).getMessage());
  }

  @Test
  void readsVersion2() {
    assertEquals(2, parse(SampleFile.writer().version(2).toBytes()).version());
  }

  @Test
  void readsEmptyModel() {
    Gguf gguf = parse(new GgufWriter().toBytes());
    assertEquals(List.of(), gguf.tensors());
    assertEquals(32, gguf.dataOffset());
  }

  @Test
  void readsOtherAlignments() {
    for (int alignment : new int[] {8, 64, 4096, 1 << 20}) {
      Gguf gguf = parse(SampleFile.writer().alignment(alignment).toBytes());
      assertEquals(alignment, gguf.alignment());
      gguf.tensors().forEach(tensor -> assertEquals(0, tensor.offset() % gguf.alignment()));
    }
  }

  @Test
  void readsTensorsInAnyOrderWithGaps() {
    GgufImage image = SampleFile.image();
    byte[] swapped =
        image
            .uint64("tensor/first/offset", 0, 192)
            .uint64("tensor/third/offset", 0, 256)
            .uint64("tensor/second/offset", 0, 0)
            .padded(image.bytes().length + 64)
            .bytes();
    assertEquals(3, parse(swapped).tensors().size());
  }

  @Test
  void readsUnpaddedEnd() {
    GgufImage image = new GgufWriter().tensor("t", GgmlType.F32, new byte[4], 1).toImage();
    assertEquals(4, parse(image.cut(image.at("data") + 4)).tensor("t").data().byteSize());
  }

  @Test
  void readsNamesOfMaximumLength() {
    String key = "k".repeat(65_535);
    String name = "é".repeat(32);
    Gguf gguf =
        parse(new GgufWriter().uint32(key, 1).tensor(name, GgmlType.I8, new byte[1], 1).toBytes());
    assertTrue(gguf.metadata().contains(key));
    assertTrue(gguf.findTensor(name).isPresent());
  }

  @Test
  void limitsTotalSizeOfKeys() {
    GgufWriter writer = new GgufWriter();
    for (int i = 0; i < 257; i++) {
      writer.uint32(i + "k".repeat(65_532), 1);
    }
    ModelFileException e = assertThrows(ModelFileException.class, () -> parse(writer.toBytes()));
    assertTrue(e.getMessage().endsWith("all keys together exceed 16777216 bytes"), e.getMessage());
  }

  @Test
  void rejectsPathsOfNonFiles() throws IOException {
    failsToOpen(directory.resolve("missing.gguf"), "no such file");
    failsToOpen(directory, "is a directory");
    Path empty = Files.createFile(directory.resolve("empty.gguf"));
    failsToOpen(empty, "is empty");
    failsToOpen(empty.resolve("below"), "no such file");
    failsToOpen(Path.of("/dev/null"), "is not a regular file");
  }

  @Test
  void reportsReasonOfSystem() throws IOException {
    Path loop = directory.resolve("loop.gguf");
    Files.createSymbolicLink(loop, loop);
    try (Arena arena = Arena.ofConfined()) {
      ModelFileException e = assertThrows(ModelFileException.class, () -> Gguf.open(loop, arena));
      assertTrue(e.getMessage().startsWith(loop + ": cannot be read: "), e.getMessage());
      assertTrue(e.getCause() instanceof IOException);
    }
  }

  @Test
  void rejectsUnreadableFiles() throws IOException {
    Path path = Files.write(directory.resolve("secret.gguf"), SampleFile.image().bytes());
    Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("---------"));
    assumeFalse(Files.isReadable(path), "this user may read every file");
    failsToOpen(path, "permission denied");
  }

  /** In a file of 1 TiB almost any count fits; the absolute limits reject it without reading on. */
  @Test
  void rejectsHugeCounts() throws IOException {
    GgufImage tensors = SampleFile.image().uint64("tensor_count", 0, 1 << 17);
    failsToOpen(grow(tensors), "tensor_count 131072: must be at most 65536");
    GgufImage keys = SampleFile.image().uint64("metadata_kv_count", 0, 1 << 17);
    failsToOpen(grow(keys), "metadata_kv_count 131072: must be at most 65536");
    GgufImage array = SampleFile.image().uint64("key/a.int32s/value", 4, 64 << 20);
    failsToOpen(
        grow(array),
        "key 'a.int32s' elements: needs 268435456 bytes at offset "
            + (array.at("key/a.int32s/value") + 12)
            + ", past the header's limit of 134217728");
  }

  /** Writes a sparse file of almost 1 TiB. */
  private Path grow(GgufImage image) throws IOException {
    Path path = Files.write(directory.resolve("giant.gguf"), image.bytes());
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
      file.setLength(1L << 40);
    }
    return path;
  }
}
