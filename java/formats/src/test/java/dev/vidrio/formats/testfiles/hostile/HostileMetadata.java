package dev.vidrio.formats.testfiles.hostile;

import dev.vidrio.formats.gguf.GgufValue;
import dev.vidrio.formats.gguf.GgufValueType;
import dev.vidrio.formats.testfiles.GgufImage;
import dev.vidrio.formats.testfiles.GgufWriter;
import dev.vidrio.formats.testfiles.SampleFile;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Files with wrong keys or values. */
final class HostileMetadata {

  private final List<HostileFile> files = new ArrayList<>();

  private HostileMetadata() {}

  static List<HostileFile> files() {
    HostileMetadata metadata = new HostileMetadata();
    metadata.keys();
    metadata.scalars();
    metadata.arrays();
    metadata.meanings();
    return metadata.files;
  }

  private void add(String name, GgufImage image, String expected) {
    files.add(new HostileFile(name, image.bytes(), expected));
  }

  private void add(String name, GgufWriter writer, String expected) {
    add(name, writer.toImage(), expected);
  }

  private static GgufImage image() {
    return SampleFile.image();
  }

  private static GgufWriter writer() {
    return SampleFile.writer();
  }

  private void rawKey(String name, byte[] key, String expected) {
    add(name, writer().raw(key, GgufValueType.UINT8.id(), new byte[1]), expected);
  }

  private void keys() {
    rawKey("key-empty", new byte[0], "key #17 length 0: must be 1 to 65535");
    rawKey("key-too-long", "k".repeat(65_536).getBytes(StandardCharsets.US_ASCII), "length 65536");
    rawKey("key-latin1", "caf\u00e9".getBytes(StandardCharsets.ISO_8859_1), "printable ASCII");
    rawKey("key-utf8", "caf\u00e9".getBytes(StandardCharsets.UTF_8), "printable ASCII");
    rawKey("key-newline", "a\nb".getBytes(StandardCharsets.US_ASCII), "'a\\u{a}b'");
    rawKey("key-escape", "\u001b[2J".getBytes(StandardCharsets.US_ASCII), "'\\u{1b}[2J'");
    rawKey("key-nul", "a\0".getBytes(StandardCharsets.US_ASCII), "'a\\u{0}'");
    add(
        "key-length-2-64",
        image().uint64("key/a.bool", 0, -1),
        "key #11 length 18446744073709551615");
    add("key-length-2-63", image().uint64("key/a.bool", 0, Long.MIN_VALUE), "key #11 length");
    add("key-past-end", image().uint64("key/a.bool", 0, 100_000), "key #11 text: needs 100000");
    add(
        "key-twice",
        writer().append("a.bool", GgufValueType.UINT8, new byte[1]),
        "key 'a.bool': appears twice");
  }

  private void scalars() {
    add("type-13", image().uint32("key/a.uint8/type", 0, 13), "key 'a.uint8' value type 13");
    add("type-maximal", image().uint32("key/a.uint8/type", 0, -1), "value type 4294967295");
    add("bool-2", image().uint8("key/a.bool/value", 0, 2), "key 'a.bool' value at offset");
    add("bool-255", image().uint8("key/a.bool/value", 0, 255), "255: a bool must be 0 or 1");
    String string = "key/a.string/value";
    add("string-2-64", image().uint64(string, 0, -1), "key 'a.string' length 18446744073709551615");
    add("string-2-63", image().uint64(string, 0, Long.MIN_VALUE), "key 'a.string' length");
    add("string-above-16-mib", image().uint64(string, 0, (16 << 20) + 1), "at most 16777216 bytes");
    add("string-past-end", image().uint64(string, 0, 16 << 20), "'a.string' text: needs 16777216");
  }

  private void arrays() {
    String ints = "key/a.int32s/value";
    add("array-nested", image().uint32(ints, 0, 9), "'a.int32s' element type array: nested");
    add("array-type-13", image().uint32(ints, 0, 13), "key 'a.int32s' element type 13");
    add("array-2-64", image().uint64(ints, 4, -1), "'a.int32s' length 18446744073709551615");
    add("array-2-63", image().uint64(ints, 4, Long.MIN_VALUE), "key 'a.int32s' length");
    add("array-wrapping", image().uint64(ints, 4, 1L << 62), "length 4611686018427387904");
    add("array-above-64-mi", image().uint64(ints, 4, (64 << 20) + 1), "at most 67108864 elements");
    add("array-past-end", image().uint64(ints, 4, 64 << 20), "elements: needs 268435456 bytes");
    String strings = "key/a.strings/value";
    add("strings-2-63", image().uint64(strings, 4, Long.MIN_VALUE), "key 'a.strings' length");
    add("strings-past-end", image().uint64(strings, 4, 64 << 20), "key 'a.strings'[");
    add("strings-element-2-64", image().uint64(strings, 12 + 11, -1), "key 'a.strings'[1] length");
    add(
        "strings-element-past-end",
        image().uint64(strings, 12 + 11 + 8, 5000),
        "key 'a.strings'[2] text: needs 5000 bytes");
    add("bools-7", image().uint8("key/a.bools/value", 12 + 1, 7), "key 'a.bools' value at offset");
  }

  private void alignment(String name, GgufValueType type, long value) {
    String key = "general.alignment";
    String shown = new GgufValue.Int(type, value).toString();
    add(name, writer().integer(key, type, value), "key '" + key + "' " + shown + ": must be ");
  }

  private void meanings() {
    alignment("alignment-0", GgufValueType.UINT32, 0);
    alignment("alignment-4", GgufValueType.UINT32, 4);
    alignment("alignment-48", GgufValueType.UINT32, 48);
    alignment("alignment-2-mib", GgufValueType.UINT32, 2 << 20);
    alignment("alignment-2-31", GgufValueType.UINT32, 1L << 31);
    alignment("alignment-2-32", GgufValueType.UINT64, 1L << 32);
    alignment("alignment-2-63", GgufValueType.UINT64, Long.MIN_VALUE);
    alignment("alignment-negative", GgufValueType.INT32, -32);
    add("alignment-string", writer().string("general.alignment", "32"), "must be an integer");
    add("split", writer().integer("split.count", GgufValueType.UINT16, 3), "key 'split.count'");
    add("split-string", writer().string("split.count", "3"), "key 'split.count' '3': is of type");
    add(
        "split-negative",
        writer().integer("split.count", GgufValueType.INT16, -1),
        "key 'split.count' -1: must be 0 to");
  }
}
