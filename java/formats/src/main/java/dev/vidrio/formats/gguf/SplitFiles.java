package dev.vidrio.formats.gguf;

import dev.vidrio.error.ModelFileException;
import dev.vidrio.formats.file.MappedFile;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A model split into files {@code NAME-00001-of-00003.gguf} and so on, as by llama.cpp's {@code
 * gguf-split}.
 *
 * <p>The first part has the metadata, each part has some of the tensors, and {@code split.no},
 * {@code split.count} and {@code split.tensors.count} number the parts.
 */
final class SplitFiles {

  private static final String NUMBER = "split.no";
  private static final String COUNT = "split.count";
  private static final String TENSORS = "split.tensors.count";
  private static final int MAX_PARTS = 9999;
  private static final Pattern NAME = Pattern.compile("(.*)-(\\d{5})-of-(\\d{5})\\.gguf");

  private SplitFiles() {}

  /** Returns whether a file is one part of a split model. */
  static boolean isPart(Gguf gguf) {
    return gguf.metadata().longValue(COUNT, 0, Long.MAX_VALUE, 1) > 1;
  }

  /**
   * Opens the other parts and joins them.
   *
   * @param first the content of the file, which must be the first part
   */
  static Gguf open(Path file, Gguf first, Arena arena) {
    int parts = first.metadata().intValue(COUNT, 1, MAX_PARTS);
    String name = String.valueOf(file.getFileName());
    Matcher matcher = NAME.matcher(name);
    if (!matcher.matches() || Integer.parseInt(matcher.group(3)) != parts) {
      String limit = "the file's name must end in -00001-of-%05d.gguf".formatted(parts);
      throw first.metadata().error(COUNT, Integer.toString(parts), limit);
    }
    List<Gguf> files = new ArrayList<>(parts);
    for (int i = 0; i < parts; i++) {
      String sibling =
          String.format(Locale.ROOT, "%s-%05d-of-%05d.gguf", matcher.group(1), i + 1, parts);
      if (sibling.equals(name)) {
        files.add(first);
      } else {
        Path path = file.resolveSibling(sibling);
        files.add(new GgufParser(path.toString(), MappedFile.map(path, arena)).parse());
      }
      check(files.getLast(), i, parts);
    }
    return joined(first.name(), files);
  }

  private static void check(Gguf part, int index, int parts) {
    Metadata metadata = part.metadata();
    int number = metadata.intValue(NUMBER, 0, MAX_PARTS);
    if (number != index) {
      String limit = "must be " + index + " in part " + (index + 1) + " of " + parts;
      throw metadata.error(NUMBER, Integer.toString(number), limit);
    }
    int count = metadata.intValue(COUNT, 1, MAX_PARTS);
    if (count != parts) {
      throw metadata.error(COUNT, Integer.toString(count), "must be " + parts + " in all parts");
    }
  }

  private static Gguf joined(String name, List<Gguf> files) {
    Map<String, Gguf> owners = new HashMap<>();
    List<GgufTensor> tensors = new ArrayList<>();
    long size = 0;
    for (Gguf file : files) {
      for (GgufTensor tensor : file.tensors()) {
        Gguf other = owners.putIfAbsent(tensor.name(), file);
        if (other != null) {
          throw new ModelFileException(
              file.name(), "tensor '" + tensor.name() + "'", "", "is also in " + other.name());
        }
      }
      tensors.addAll(file.tensors());
      size += file.size();
    }
    Gguf first = files.getFirst();
    long declared = first.metadata().longValue(TENSORS, 0, Long.MAX_VALUE, tensors.size());
    if (declared != tensors.size()) {
      String limit = "the " + files.size() + " parts have " + tensors.size() + " tensors";
      throw first.metadata().error(TENSORS, Long.toString(declared), limit);
    }
    return new Gguf(
        name,
        first.version(),
        first.metadata(),
        tensors,
        size,
        first.dataOffset(),
        first.alignment());
  }
}
