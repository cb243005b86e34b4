package dev.vidrio.formats.testfiles.hostile;

import dev.vidrio.formats.testfiles.GgufImage;
import dev.vidrio.formats.testfiles.SampleFile;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Files with a wrong magic, version or count. */
final class HostileHeaders {

  private final List<HostileFile> files = new ArrayList<>();

  private HostileHeaders() {}

  static List<HostileFile> files() {
    HostileHeaders headers = new HostileHeaders();
    headers.otherFormats();
    headers.versions();
    headers.counts();
    headers.cuts();
    return headers.files;
  }

  private void add(String name, byte[] bytes, String expected) {
    files.add(new HostileFile(name, bytes, expected));
  }

  private void looksLike(String name, String head, String expected) {
    byte[] bytes = Arrays.copyOf(head.getBytes(StandardCharsets.ISO_8859_1), 512);
    add(name, bytes, expected);
  }

  private void otherFormats() {
    add("empty", new byte[0], "is empty");
    add("three-bytes", "GGU".getBytes(StandardCharsets.US_ASCII), "magic: needs 4 bytes");
    looksLike("magic-unknown", "XXXX", "magic 0x58585858: not a GGUF file");
    looksLike("magic-lower-case", "gguf\3", "magic");
    looksLike("magic-big-endian", "FUGG", "big-endian GGUF files");
    looksLike("ggml-ggjt", "tjgg", "older ggml format");
    looksLike("ggml-ggmf", "fmgg", "older ggml format");
    looksLike("ggml-ggml", "lmgg", "older ggml format");
    looksLike("ggml-ggla", "algg", "older ggml format");
    looksLike("safetensors", "@\1\0\0\0\0\0\0{\"__metadata__\":{}}", "safetensors");
    looksLike("zip-pytorch", "PK\3\4\0\0archive/data.pkl", "zip archive");
    looksLike("pickle", "\u0080\2}q\0", "pickle");
    looksLike("hdf5", "\u0089HDF\r\n", "HDF5");
    looksLike("html", "<!DOCTYPE html><html>", "web page");
    looksLike("html-indented", "\n\n  <HTML lang='en'>", "web page");
    looksLike("json", "{\"error\": \"not found\"}", "JSON");
    looksLike(
        "git-lfs", "version https://git-lfs.example/spec/v1\noid sha256:0", "Git LFS pointer");
    looksLike("gzip", "\u001f\u008b\b", "compressed");
    looksLike("zstd", "(\u00b5/\u00fd", "compressed");
    looksLike("xz", "\u00fd7zXZ\0", "compressed");
    looksLike("bzip2", "BZh91AY", "compressed");
    looksLike("zeros", "", "begins with zeros");
  }

  private void version(String name, long version, String expected) {
    add(name, SampleFile.image().uint32("version", 0, version).bytes(), expected);
  }

  private void versions() {
    version("version-0", 0, "version 0: is unknown");
    version("version-1", 1, "version 1: is too old");
    version("version-4", 4, "version 4: is unknown");
    version("version-maximal", 0xffffffffL, "version 4294967295: is unknown");
    version("version-2-swapped", 0x02000000L, "byte-swapped");
    version("version-3-swapped", 0x03000000L, "byte-swapped");
  }

  private void count(String name, String field, long count, String expected) {
    add(name, SampleFile.image().uint64(field, 0, count).bytes(), expected);
  }

  private void counts() {
    count("tensors-maximal", "tensor_count", -1, "tensor_count 18446744073709551615: at most");
    count("tensors-2-63", "tensor_count", Long.MIN_VALUE, "tensor_count 9223372036854775808");
    count("tensors-2-32", "tensor_count", 1L << 32, "tensor_count 4294967296: at most");
    count("tensors-above-rest", "tensor_count", 100, "tensor_count 100: at most");
    count("tensors-one-more", "tensor_count", 4, "tensor #3");
    count("keys-maximal", "metadata_kv_count", -1, "metadata_kv_count 18446744073709551615");
    count(
        "keys-2-63", "metadata_kv_count", Long.MIN_VALUE, "metadata_kv_count 9223372036854775808");
    count("keys-2-60", "metadata_kv_count", 1L << 60, "metadata_kv_count 1152921504606846976");
    count("keys-above-rest", "metadata_kv_count", 500, "metadata_kv_count 500: at most");
    count("keys-one-more", "metadata_kv_count", 18, "tensor #0 name length");
    count("keys-one-less", "metadata_kv_count", 16, "tensor 'a.strings'");
    GgufImage roomy = SampleFile.image().padded(70_000 * 33);
    add(
        "tensors-65537",
        roomy.uint64("tensor_count", 0, 65_537).bytes(),
        "tensor_count 65537: must be at most 65536");
  }

  private void cut(String name, String mark, int skip, String expected) {
    GgufImage image = SampleFile.image();
    add(name, image.cut(image.at(mark) + skip), expected);
  }

  private void cuts() {
    cut(
        "cut-in-version",
        "version",
        3,
        "version: needs 4 bytes at offset 4, past the file's end at 7");
    cut("cut-in-tensor-count", "tensor_count", 7, "tensor_count: needs 8 bytes");
    cut("cut-in-key-count", "metadata_kv_count", 4, "metadata_kv_count: needs 8 bytes");
    cut("cut-after-counts", "key/general.architecture", 0, "tensor_count 3: at most 0 fit");
    cut("cut-in-key-length", "key/a.strings", 5, "key #16 length: needs 8 bytes");
    cut("cut-in-key-text", "key/a.strings", 12, "key #16 text: needs 9 bytes");
    cut("cut-in-type", "key/a.strings/type", 1, "key 'a.strings' value type: needs 4 bytes");
    cut("cut-in-value", "key/a.int32s/value", 20, "key 'a.int32s' elements: needs 12 bytes");
    cut("cut-in-tensor-name", "tensor/second", 10, "tensor #1 name text: needs 6 bytes");
    cut("cut-in-dimensions", "tensor/second/dimensions", 9, "tensor 'second' dimensions");
    cut("cut-in-tensor-type", "tensor/second/type", 2, "tensor 'second' type: needs 4 bytes");
    cut("cut-in-tensor-offset", "tensor/third/offset", 7, "tensor 'third' offset: needs 8 bytes");
    cut("cut-before-data", "data", -1, "tensor 'first' offset 0: needs 32 bytes from 704, past");
    cut("cut-all-data", "data", 0, "tensor 'first' offset 0: needs 32 bytes");
    cut("cut-last-byte", "data", 32 + 160 + 63, "tensor 'third' offset 192: needs 64 bytes");
  }
}
