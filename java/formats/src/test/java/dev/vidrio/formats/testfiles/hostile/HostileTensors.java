package dev.vidrio.formats.testfiles.hostile;

import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.testfiles.GgufImage;
import dev.vidrio.formats.testfiles.GgufWriter;
import dev.vidrio.formats.testfiles.SampleFile;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Files with a wrong tensor list. */
final class HostileTensors {

  private final List<HostileFile> files = new ArrayList<>();

  private HostileTensors() {}

  static List<HostileFile> files() {
    HostileTensors tensors = new HostileTensors();
    tensors.names();
    tensors.shapes();
    tensors.types();
    tensors.places();
    return tensors.files;
  }

  private void add(String name, GgufImage image, String expected) {
    files.add(new HostileFile(name, image.bytes(), expected));
  }

  private static GgufImage image() {
    return SampleFile.image();
  }

  private void name(String name, byte[] tensorName, String expected) {
    GgufWriter writer = SampleFile.writer();
    add(name, writer.appendTensor(tensorName, GgmlType.F32, new byte[4], 1).toImage(), expected);
  }

  private void names() {
    name("name-empty", new byte[0], "tensor #3 name length 0: must be 1 to 64");
    name("name-65", "t".repeat(65).getBytes(StandardCharsets.US_ASCII), "tensor #3 name length 65");
    name("name-latin1", "\u00e9".getBytes(StandardCharsets.ISO_8859_1), "tensor #3 name");
    name("name-surrogate", new byte[] {(byte) 0xed, (byte) 0xa0, (byte) 0x80}, "is not UTF-8");
    name("name-twice", "second".getBytes(StandardCharsets.UTF_8), "'second': appears twice");
    byte[] escape = "\u001b]0;x\u0007".getBytes(StandardCharsets.UTF_8);
    GgufWriter twice = SampleFile.writer().appendTensor(escape, GgmlType.F32, new byte[4], 1);
    add(
        "name-escape",
        twice.appendTensor(escape, GgmlType.F32, new byte[4], 1).toImage(),
        "tensor '\\u{1b}]0;x\\u{7}': appears twice");
    add("name-past-end", image().uint64("tensor/third", 0, 1 << 20), "#2 name text: needs 1048576");
    add("name-length-2-64", image().uint64("tensor/third", 0, -1), "tensor #2 name length 1844674");
  }

  private void dimension(String name, int index, long size, String expected) {
    add(name, image().uint64("tensor/first/dimensions", 8 * index, size), expected);
  }

  private void shapes() {
    String dims = "tensor/first/n_dimensions";
    add("dims-0", image().uint32(dims, 0, 0), "tensor 'first' n_dimensions 0: must be 1 to 4");
    add("dims-5", image().uint32(dims, 0, 5), "tensor 'first' n_dimensions 5");
    add("dims-maximal", image().uint32(dims, 0, -1), "'first' n_dimensions 4294967295");
    add("dims-one-less", image().uint32(dims, 0, 1), "tensor 'first' ");
    dimension("dimension-0", 0, 0, "tensor 'first' dimension 0 0: must be 1 to");
    dimension("dimension-1-0", 1, 0, "tensor 'first' dimension 1 0: must be 1 to");
    dimension("dimension-negative", 0, -4, "tensor 'first' dimension 0 -4");
    dimension(
        "dimension-2-63", 1, Long.MIN_VALUE, "tensor 'first' dimension 1 -9223372036854775808");
    dimension("product-overflow", 1, Long.MAX_VALUE / 2, "tensor 'first' shape [4, 46116860");
    dimension("bytes-overflow", 1, 1L << 58, "tensor 'first' offset 0: needs");
    dimension("bytes-overflow-more", 1, 1L << 60, "takes more than 9223372036854775807");
    GgufWriter cube = SampleFile.writer();
    long side = 1L << 16;
    cube.tensor("cube", GgmlType.F32, new byte[4], side, side, side, side);
    add("product-wraps-to-0", cube.toImage(), "tensor 'cube' shape [65536, 65536, 65536, 65536]");
    add(
        "row-no-multiple",
        image().uint64("tensor/second/dimensions", 0, 65),
        "tensor 'second' shape [65, 2]: a row of 65 is not a multiple of the Q8_0 block size 32");
    add(
        "row-below-block",
        image().uint64("tensor/second/dimensions", 0, 1),
        "tensor 'second' shape [1, 2]");
  }

  private void type(long id, String expected) {
    add("type-" + id + "-tensor", image().uint32("tensor/first/type", 0, id), expected);
  }

  private void types() {
    type(4, "tensor 'first' type 4: is Q4_2, which ggml removed");
    type(5, "tensor 'first' type 5: is Q4_3, which ggml removed");
    type(31, "tensor 'first' type 31: is Q4_0_4_4");
    type(32, "tensor 'first' type 32: is Q4_0_4_8");
    type(33, "tensor 'first' type 33: is Q4_0_8_8");
    type(36, "tensor 'first' type 36: is IQ4_NL_4_4");
    type(37, "tensor 'first' type 37: is IQ4_NL_4_8");
    type(38, "tensor 'first' type 38: is IQ4_NL_8_8");
    type(43, "tensor 'first' type 43: is unknown");
    type(142, "tensor 'first' type 142: is unknown");
    type(0x80000000L, "tensor 'first' type 2147483648: is unknown");
    type(0xffffffffL, "tensor 'first' type 4294967295: is unknown");
  }

  private void offset(String name, long offset, String expected) {
    add(name, image().uint64("tensor/second/offset", 0, offset), expected);
  }

  private void places() {
    offset("offset-misaligned", 33, "'second' offset 33: must be a multiple of the alignment 32");
    offset(
        "offset-odd-2-64", -1, "tensor 'second' offset 18446744073709551615: must be a multiple");
    offset("offset-negative", -32, "tensor 'second' offset 18446744073709551584: begins past");
    offset(
        "offset-2-63", Long.MIN_VALUE, "tensor 'second' offset 9223372036854775808: begins past");
    offset("offset-near-2-63", Long.MAX_VALUE - 31, "'second' offset 9223372036854775776: begins");
    offset(
        "offset-past-end", 1 << 20, "tensor 'second' offset 1048576: begins past the file's end");
    offset("offset-across-end", 192, "tensor 'second' offset 192: needs 136 bytes from");
    offset("overlap-whole", 0, "tensor 'second' offset 0: overlaps tensor 'first'");
    offset("overlap-part", 96, "tensor 'third' offset 192: overlaps tensor 'second'");
    add(
        "overlap-same",
        image().uint64("tensor/third/offset", 0, 32),
        "tensor 'third' offset 32: overlaps tensor 'second', which ends at 168");
    add(
        "alignment-grows",
        SampleFile.writer().uint32("general.alignment", 64).toImage(),
        "tensor 'second' offset 32: must be a multiple of the alignment 64");
  }
}
