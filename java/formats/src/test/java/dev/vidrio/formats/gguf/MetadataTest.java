package dev.vidrio.formats.gguf;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.testfiles.GgufWriter;
import dev.vidrio.formats.testfiles.SampleFile;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class MetadataTest {

  private static Metadata metadata(GgufWriter writer) {
    return Gguf.parse("m.gguf", MemorySegment.ofArray(writer.toBytes())).metadata();
  }

  private final Metadata sample = metadata(SampleFile.writer());

  private static void fails(String message, Executable getter) {
    assertEquals(message, assertThrows(ModelFileException.class, getter).getMessage());
  }

  @Test
  void readsIntegersOfEveryWidth() {
    assertEquals(200, sample.intValue("a.uint8", 0, 255));
    assertEquals(-100, sample.intValue("a.int8", -128, 127));
    assertEquals(60000, sample.intValue("a.uint16", 0, 65535));
    assertEquals(-30000, sample.intValue("a.int16", -32768, 32767));
    assertEquals(4_000_000_000L, sample.longValue("a.uint32", 0, 0xffffffffL));
    assertEquals(-2_000_000_000, sample.intValue("a.int32", Integer.MIN_VALUE, 0));
    assertEquals(Long.MIN_VALUE, sample.longValue("a.int64", Long.MIN_VALUE, 0));
  }

  @Test
  void rejectsIntegersOutOfRange() {
    fails("m.gguf: key 'a.uint8' 200: must be 1 to 199", () -> sample.intValue("a.uint8", 1, 199));
    fails("m.gguf: key 'a.int8' -100: must be -99 to 5", () -> sample.intValue("a.int8", -99, 5));
    fails(
        "m.gguf: key 'a.uint32' 4000000000: must be 0 to 2147483647",
        () -> sample.intValue("a.uint32", 0, Integer.MAX_VALUE));
    fails(
        "m.gguf: key 'a.uint64' 18446744073709551615: must be -1 to 9223372036854775807",
        () -> sample.longValue("a.uint64", -1, Long.MAX_VALUE));
    fails(
        "m.gguf: key 'a.int64' -9223372036854775808: must be 0 to 1",
        () -> sample.longValue("a.int64", 0, 1));
  }

  @Test
  void readsBothFloatPrecisions() {
    assertEquals(0.1f, sample.floatValue("a.float32", 0, 1));
    assertEquals(0.1f, sample.floatValue("a.float64", 0, 1));
    fails(
        "m.gguf: key 'a.float32' 0.1: must be 0.5 to 1.0",
        () -> sample.floatValue("a.float32", 0.5f, 1));
    Metadata odd =
        metadata(
            new GgufWriter()
                .float32("nan", Float.NaN)
                .float64("big", 1e300)
                .float32("inf", Float.NEGATIVE_INFINITY));
    fails(
        "m.gguf: key 'nan' NaN: must be -Infinity to Infinity",
        () -> odd.floatValue("nan", Float.NEGATIVE_INFINITY, Float.POSITIVE_INFINITY));
    fails(
        "m.gguf: key 'big' 1.0E300: must be 0.0 to 3.4028235E38",
        () -> odd.floatValue("big", 0, Float.MAX_VALUE));
    fails("m.gguf: key 'inf' -Infinity: must be -1.0 to 1.0", () -> odd.floatValue("inf", -1, 1));
  }

  @Test
  void readsStringsAndBools() {
    assertEquals("vidrio · 玻璃", sample.string("a.string"));
    assertEquals(Optional.of("sample"), sample.optionalString("general.architecture"));
    assertEquals(Optional.empty(), sample.optionalString("general.name"));
    assertTrue(sample.boolValue("a.bool"));
  }

  @Test
  void namesMissingKeysOrReturnsFallback() {
    fails("m.gguf: key 'x': is missing", () -> sample.string("x"));
    fails("m.gguf: key 'x': is missing", () -> sample.intValue("x", 0, 1));
    fails("m.gguf: key 'x': is missing", () -> sample.floatValue("x", 0, 1));
    fails("m.gguf: key 'x': is missing", () -> sample.boolValue("x"));
    fails("m.gguf: key 'x': is missing", () -> sample.strings("x"));
    assertEquals(7, sample.intValue("x", 0, 1, 7));
    assertEquals(8L, sample.longValue("x", 0, 1, 8L));
    assertEquals(9f, sample.floatValue("x", 0, 1, 9f));
    assertTrue(sample.boolValue("x", true));
    assertEquals(200, sample.intValue("a.uint8", 0, 255, 7));
    assertEquals(0.1f, sample.floatValue("a.float32", 0, 1, 9f));
    assertTrue(sample.boolValue("a.bool", false));
    assertFalse(sample.contains("x"));
    assertTrue(sample.contains("a.bool"));
    assertEquals(Optional.empty(), sample.find("x"));
  }

  @Test
  void namesWrongTypes() {
    fails(
        "m.gguf: key 'a.bool' true: is of type bool, must be an integer",
        () -> sample.intValue("a.bool", 0, 1));
    fails(
        "m.gguf: key 'a.float32' 0.1: is of type float32, must be an integer",
        () -> sample.longValue("a.float32", 0, 1));
    fails(
        "m.gguf: key 'a.uint8' 200: is of type uint8, must be a floating-point number",
        () -> sample.floatValue("a.uint8", 0, 1));
    fails(
        "m.gguf: key 'a.uint8' 200: is of type uint8, must be a bool",
        () -> sample.boolValue("a.uint8"));
    fails(
        "m.gguf: key 'a.int32s' int32[3]: is of type array, must be a string",
        () -> sample.string("a.int32s"));
    fails(
        "m.gguf: key 'a.int32s' int32[3]: is of type array, must be a string",
        () -> sample.optionalString("a.int32s"));
    fails(
        "m.gguf: key 'a.string' 'vidrio · 玻璃': is of type string, must be an array",
        () -> sample.ints("a.string"));
    fails(
        "m.gguf: key 'a.int32s' int32[3]: is of type array, must be an array of strings",
        () -> sample.strings("a.int32s"));
    fails(
        "m.gguf: key 'a.strings' string[3]: is of type array, must be an array of integers",
        () -> sample.ints("a.strings"));
    fails(
        "m.gguf: key 'a.int32s' int32[3]: is of type array, must be an array of floating-point"
            + " numbers",
        () -> sample.floats("a.int32s"));
  }

  @Test
  void readsArrays() {
    assertEquals(List.of("one", "", "three"), sample.strings("a.strings"));
    assertArrayEquals(new int[] {3, -1, 2}, sample.ints("a.int32s"));
    assertArrayEquals(new float[] {0.5f, -1.5f}, sample.floats("a.float32s"));
    Metadata empty =
        metadata(
            new GgufWriter()
                .array("none", GgufValueType.UINT8, 0, new byte[0])
                .array(
                    "wide",
                    GgufValueType.UINT64,
                    2,
                    new byte[] {5, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0})
                .array("narrow", GgufValueType.UINT8, 2, new byte[] {7, (byte) 200}));
    assertArrayEquals(new int[0], empty.ints("none"));
    assertArrayEquals(new int[] {5, 6}, empty.ints("wide"));
    assertArrayEquals(new int[] {7, 200}, empty.ints("narrow"));
    assertThrows(UnsupportedOperationException.class, () -> sample.strings("a.strings").add("x"));
  }

  @Test
  void namesArrayElementsOutOfRange() {
    fails("m.gguf: key 'a.int32s'[1] -1: must be 0 to 9", () -> sample.ints("a.int32s", 0, 9));
    byte[] big = {1, 0, 0, 0, 0, 0, 0, 0, -1, -1, -1, -1, -1, -1, -1, -1};
    Metadata wide = metadata(new GgufWriter().array("w", GgufValueType.UINT64, 2, big));
    fails(
        "m.gguf: key 'w'[1] 18446744073709551615: must be -2147483648 to 2147483647",
        () -> wide.ints("w"));
  }

  @Test
  void rejectsOverlongArraysInGettersOnly() {
    int length = Metadata.MAX_ELEMENTS + 1;
    Metadata longOnes =
        metadata(
            new GgufWriter()
                .array("i", GgufValueType.UINT8, length, new byte[length])
                .array("s", GgufValueType.STRING, length, new byte[8 * length]));
    fails(
        "m.gguf: key 'i' uint8[1048577]: must have at most 1048576 elements",
        () -> longOnes.ints("i"));
    fails(
        "m.gguf: key 's' string[1048577]: must have at most 1048576 elements",
        () -> longOnes.strings("s"));
    assertEquals("string[1048577]", longOnes.entries().get("s") + "");
  }

  @Test
  void rejectsIllFormedUtf8WhenRead() {
    byte[] latin1 = {3, 0, 0, 0, 0, 0, 0, 0, 'a', (byte) 0xe9, 'b'};
    Metadata odd =
        metadata(
            new GgufWriter()
                .put("s", GgufValueType.STRING, latin1)
                .array("a", GgufValueType.STRING, 1, latin1)
                .string("r", "\ufffd"));
    fails("m.gguf: key 's' 'a\ufffdb': is not UTF-8", () -> odd.string("s"));
    fails("m.gguf: key 'a'[0] 'a\ufffdb': is not UTF-8", () -> odd.strings("a"));
    assertEquals("\ufffd", odd.string("r"));
    assertEquals("'a\ufffdb'", odd.entries().get("s") + "");
  }

  @Test
  void listsEntriesInFileOrder() {
    List<String> shown =
        sample.entries().entrySet().stream()
            .map(e -> e.getKey() + " " + e.getValue().type() + " " + e.getValue())
            .toList();
    assertEquals(
        List.of(
            "general.architecture string 'sample'",
            "a.uint8 uint8 200",
            "a.int8 int8 -100",
            "a.uint16 uint16 60000",
            "a.int16 int16 -30000",
            "a.uint32 uint32 4000000000",
            "a.int32 int32 -2000000000",
            "a.uint64 uint64 18446744073709551615",
            "a.int64 int64 -9223372036854775808",
            "a.float32 float32 0.1",
            "a.float64 float64 0.1",
            "a.bool bool true",
            "a.string string 'vidrio · 玻璃'",
            "a.bools array bool[3]",
            "a.int32s array int32[3]",
            "a.float32s array float32[2]",
            "a.strings array string[3]"),
        shown);
    assertThrows(UnsupportedOperationException.class, () -> sample.entries().clear());
  }

  @Test
  void iteratesOverArrays() {
    assertEquals("[true, false, true]", elements("a.bools"));
    assertEquals("[3, -1, 2]", elements("a.int32s"));
    assertEquals("[0.5, -1.5]", elements("a.float32s"));
    assertEquals("['one', '', 'three']", elements("a.strings"));
    var ints = (GgufValue.Array) sample.find("a.int32s").orElseThrow();
    assertEquals(-1, ints.integer(1));
    assertThrows(IndexOutOfBoundsException.class, () -> ints.integer(3));
    assertThrows(IllegalArgumentException.class, () -> ints.real(0));
  }

  private String elements(String key) {
    var array = (GgufValue.Array) sample.find(key).orElseThrow();
    return StreamSupport.stream(array.spliterator(), false).toList() + "";
  }

  @Test
  void truncatesLongStrings() {
    Metadata odd = metadata(new GgufWriter().string("s", "x".repeat(1000)));
    assertEquals("'" + "x".repeat(256) + "…'", odd.entries().get("s") + "");
    assertEquals(1000, odd.string("s").length());
  }

  @Test
  void createsErrorsWithFileAndKey() {
    assertEquals(
        "m.gguf: key 'k' 3: must divide 4", sample.error("k", "3", "must divide 4").getMessage());
    assertEquals("m.gguf: key 'k'[5] x: is odd", sample.error("k", 5, "x", "is odd").getMessage());
    assertEquals("m.gguf", sample.file());
  }
}
