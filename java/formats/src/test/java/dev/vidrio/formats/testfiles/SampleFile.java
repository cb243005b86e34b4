package dev.vidrio.formats.testfiles;

import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.gguf.GgufValueType;
import java.util.List;

/** A small valid file with every value type and three tensors, the basis of hostile files. */
public final class SampleFile {

  private SampleFile() {}

  /** Returns a writer with the file's content, for tests that modify it. */
  public static GgufWriter writer() {
    return new GgufWriter()
        .string("general.architecture", "sample")
        .integer("a.uint8", GgufValueType.UINT8, 200)
        .integer("a.int8", GgufValueType.INT8, -100)
        .integer("a.uint16", GgufValueType.UINT16, 60000)
        .integer("a.int16", GgufValueType.INT16, -30000)
        .integer("a.uint32", GgufValueType.UINT32, 4_000_000_000L)
        .integer("a.int32", GgufValueType.INT32, -2_000_000_000)
        .integer("a.uint64", GgufValueType.UINT64, -1)
        .integer("a.int64", GgufValueType.INT64, Long.MIN_VALUE)
        .float32("a.float32", 0.1f)
        .float64("a.float64", 0.1)
        .bool("a.bool", true)
        .string("a.string", "vidrio · 玻璃")
        .array("a.bools", GgufValueType.BOOL, 3, new byte[] {1, 0, 1})
        .int32s("a.int32s", 3, -1, 2)
        .float32s("a.float32s", 0.5f, -1.5f)
        .strings("a.strings", List.of("one", "", "three"))
        .tensor("first", GgmlType.F32, new byte[32], 4, 2)
        .tensor("second", GgmlType.Q8_0, new byte[136], 64, 2)
        .tensor("third", GgmlType.F16, new byte[64], 32);
  }

  /** Returns the file. */
  public static GgufImage image() {
    return writer().toImage();
  }
}
