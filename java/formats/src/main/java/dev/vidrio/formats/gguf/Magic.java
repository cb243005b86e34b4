package dev.vidrio.formats.gguf;

import dev.vidrio.error.ModelFileException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;

/** Tells GGUF from what people take for it, by a file's first bytes. */
final class Magic {

  static final int BYTES = 4;

  private static final int HEAD_BYTES = 64;

  /** The first bytes of a kind of file, as ISO 8859-1 text, and what to say about it. */
  private record Kind(String head, String hint) {}

  private static final String OLD = "is the format before GGUF: convert the model anew";
  private static final String PACKED = "is a compressed file: unpack it first";
  private static final String PAGE = "is a web page, not a model: the download went wrong";

  private static final List<Kind> KINDS =
      List.of(
          new Kind("FUGG", "is a big-endian GGUF file; only little-endian ones are supported"),
          new Kind("tjgg", OLD),
          new Kind("fmgg", OLD),
          new Kind("lmgg", OLD),
          new Kind("algg", OLD),
          new Kind("PK\u0003\u0004", "is a zip archive, perhaps a PyTorch checkpoint: convert it"),
          new Kind("\u0080\u0002", "is a Python pickle, perhaps a PyTorch checkpoint: convert it"),
          new Kind("\u0089HDF", "is an HDF5 file: convert the model"),
          new Kind(
              "version https://git-lfs", "is a git-lfs pointer: fetch the file that it stands for"),
          new Kind("\u001f\u008b", PACKED),
          new Kind("(\u00b5/\u00fd", PACKED),
          new Kind("\u00fd7zXZ", PACKED),
          new Kind("BZh", PACKED),
          new Kind("\0\0\0\0", "begins with zeros: the download may be incomplete"));

  private Magic() {}

  /** Throws unless the data begins with {@code GGUF}. */
  static void check(String file, MemorySegment data) {
    if (data.byteSize() == 0) {
      throw new ModelFileException(file, "", "", "is empty");
    }
    byte[] bytes =
        data.asSlice(0, Math.min(HEAD_BYTES, data.byteSize())).toArray(ValueLayout.JAVA_BYTE);
    String head = new String(bytes, StandardCharsets.ISO_8859_1);
    if (head.startsWith("GGUF")) {
      return;
    }
    if (head.length() < BYTES) {
      throw new ModelFileException(
          file, "magic", "", "needs 4 bytes at offset 0, past the file's end at " + head.length());
    }
    String value = "0x" + HexFormat.of().formatHex(bytes, 0, BYTES);
    throw new ModelFileException(
        file, "magic", value, hint(head) + "; a GGUF file begins with GGUF");
  }

  private static String hint(String head) {
    for (Kind kind : KINDS) {
      if (head.startsWith(kind.head())) {
        return kind.hint();
      }
    }
    // safetensors begins with the 64-bit length of a JSON object
    if (head.length() > 9 && head.startsWith("{\"", 8)) {
      return "is a safetensors file: convert it";
    }
    String text = head.stripLeading().toLowerCase(Locale.ROOT);
    if (text.startsWith("<!doctype") || text.startsWith("<html")) {
      return PAGE;
    }
    return text.startsWith("{") ? "is a JSON file, not a model" : "is no model file known here";
  }
}
