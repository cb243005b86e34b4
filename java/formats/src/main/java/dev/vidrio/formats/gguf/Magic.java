package dev.vidrio.formats.gguf;

import dev.vidrio.error.ModelFileException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;

/** Recognizes GGUF files, and other common file types for error messages, by their first bytes. */
final class Magic {

  static final int BYTES = 4;

  private static final int HEAD_BYTES = 64;

  /** The first bytes of a file type, as ISO 8859-1 text, and the error hint for it. */
  private record Kind(String head, String hint) {}

  private static final String OLD =
      "not a GGUF file but an older ggml format: convert the model again";
  private static final String PACKED = "not a GGUF file but a compressed file: decompress it first";
  private static final String PAGE = "not a GGUF file but a web page: the download failed";

  private static final List<Kind> KINDS =
      List.of(
          new Kind("FUGG", "big-endian GGUF files are not supported"),
          new Kind("tjgg", OLD),
          new Kind("fmgg", OLD),
          new Kind("lmgg", OLD),
          new Kind("algg", OLD),
          new Kind(
              "PK\u0003\u0004",
              "not a GGUF file but a zip archive, perhaps a PyTorch checkpoint: convert it"),
          new Kind(
              "\u0080\u0002",
              "not a GGUF file but a Python pickle, perhaps a PyTorch checkpoint: convert it"),
          new Kind("\u0089HDF", "not a GGUF file but an HDF5 file: convert the model"),
          new Kind(
              "version https://git-lfs",
              "not a GGUF file but a Git LFS pointer: run 'git lfs pull'"),
          new Kind("\u001f\u008b", PACKED),
          new Kind("(\u00b5/\u00fd", PACKED),
          new Kind("\u00fd7zXZ", PACKED),
          new Kind("BZh", PACKED),
          new Kind(
              "\0\0\0\0", "not a GGUF file: begins with zeros, the download may be incomplete"));

  private Magic() {}

  /** Throws {@link ModelFileException} unless the data begins with {@code GGUF}. */
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
    throw new ModelFileException(file, "magic", value, hint(head));
  }

  private static String hint(String head) {
    for (Kind kind : KINDS) {
      if (head.startsWith(kind.head())) {
        return kind.hint();
      }
    }
    // safetensors begins with the 64-bit length of a JSON object
    if (head.length() > 9 && head.startsWith("{\"", 8)) {
      return "not a GGUF file but a safetensors file: open its directory or convert it";
    }
    String text = head.stripLeading().toLowerCase(Locale.ROOT);
    if (text.startsWith("<!doctype") || text.startsWith("<html")) {
      return PAGE;
    }
    return text.startsWith("{") ? "not a GGUF file but a JSON file" : "not a GGUF file";
  }
}
