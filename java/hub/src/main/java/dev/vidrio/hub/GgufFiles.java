package dev.vidrio.hub;

import dev.vidrio.error.InvalidInputException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The models among the files of a repository, each with all parts of a split file. Projectors
 * ({@code mmproj}) and importance matrices are not models.
 */
final class GgufFiles {

  /** The quantizations that are preferred if none is given, as in llama.cpp. */
  private static final List<String> DEFAULTS = List.of("Q4_K_M", "Q8_0");

  private static final Pattern SPLIT =
      Pattern.compile("(.*)-(\\d{5})-of-(\\d{5})\\.gguf", Pattern.CASE_INSENSITIVE);
  private static final Pattern LABEL =
      Pattern.compile(
          "(?:UD-)?(?:I?Q\\d+(?:_[A-Z0-9]+)*|TQ\\d_\\d|MXFP4(?:_[A-Z]+)?|B?F16|F32)(?![A-Z0-9])",
          Pattern.CASE_INSENSITIVE);

  /**
   * The paths by model, in order of their parts; a model is its path without part and extension.
   */
  private final Map<String, List<String>> models = new TreeMap<>();

  private final List<String> incomplete = new ArrayList<>();

  GgufFiles(List<String> paths) {
    for (String path : paths.stream().sorted().toList()) {
      if (StoreLayout.isModelFile(path) && isModel(path)) {
        models.computeIfAbsent(model(path), name -> new ArrayList<>()).add(path);
      }
    }
    models.forEach(
        (name, parts) -> {
          if (parts.size() != parts(parts.getFirst())) {
            incomplete.add(name);
          }
        });
  }

  private static boolean isModel(String path) {
    String name = path.substring(path.lastIndexOf('/') + 1).toLowerCase(Locale.ROOT);
    return !name.contains("mmproj") && !name.contains("imatrix");
  }

  private static String model(String path) {
    Matcher split = SPLIT.matcher(path);
    return split.matches() ? split.group(1) : path.substring(0, path.length() - ".gguf".length());
  }

  private static int parts(String path) {
    Matcher split = SPLIT.matcher(path);
    return split.matches() ? Integer.parseInt(split.group(3)) : 1;
  }

  /** Removes the models with a missing part. */
  GgufFiles withoutIncomplete() {
    incomplete.forEach(models::remove);
    incomplete.clear();
    return this;
  }

  /** Returns whether there is a model of a quantization, or any model if none is given. */
  boolean has(Optional<String> quant) {
    return quant.isEmpty()
        ? !models.isEmpty()
        : models.keySet().stream().anyMatch(model -> has(model, quant.get()));
  }

  /**
   * Chooses a model: the one of the given quantization, else of Q4_K_M, else of Q8_0, else the
   * first by name. Among several of a quantization, the one with a name that ends with exactly this
   * is chosen.
   *
   * @param reference the reference, for errors
   * @param quant the quantization, in any case; empty for the default
   * @return the paths of the model's parts, in their order
   * @throws InvalidInputException if there is none, or several remain
   */
  List<String> choose(String reference, Optional<String> quant) {
    List<String> wanted = quant.map(List::of).orElse(DEFAULTS);
    for (String name : wanted) {
      List<String> matches = models.keySet().stream().filter(model -> has(model, name)).toList();
      if (matches.size() > 1) {
        List<String> exact = matches.stream().filter(model -> isExactly(model, name)).toList();
        matches = exact.isEmpty() ? matches : exact;
      }
      if (matches.size() > 1) {
        throw new InvalidInputException(
            "model",
            reference,
            name + " matches several files; name one of: " + files(reference, matches));
      }
      if (!matches.isEmpty()) {
        return complete(reference, matches.getFirst());
      }
    }
    if (quant.isPresent()) {
      throw new InvalidInputException(
          "model", reference, quant.get() + " not found; available: " + labels());
    }
    if (models.isEmpty()) {
      throw new InvalidInputException("model", reference, "the repository has no GGUF file");
    }
    return complete(reference, models.keySet().iterator().next());
  }

  private List<String> complete(String reference, String model) {
    List<String> paths = models.getOrDefault(model, List.of());
    if (incomplete.contains(model)) {
      throw new InvalidInputException(
          "model",
          reference,
          "has %s of the %s parts of %s".formatted(paths.size(), parts(paths.getFirst()), model));
    }
    return List.copyOf(paths);
  }

  private static boolean has(String model, String quant) {
    return Pattern.compile(
            "(?:^|[-._/])" + Pattern.quote(quant) + "(?![A-Za-z0-9_])", Pattern.CASE_INSENSITIVE)
        .matcher(model)
        .find();
  }

  /** Returns whether a name ends with a quantization that is not a variant such as {@code UD-}. */
  private static boolean isExactly(String model, String quant) {
    return label(model).filter(quant::equalsIgnoreCase).isPresent()
        && model.regionMatches(true, model.length() - quant.length(), quant, 0, quant.length());
  }

  private static Optional<String> label(String model) {
    return LABEL.matcher(model).results().map(found -> found.group()).reduce((a, b) -> b);
  }

  private String files(String reference, List<String> matches) {
    String repository = reference.replaceFirst("^(hf:[^/]*/[^:@]*).*", "$1");
    return matches.stream()
        .map(model -> repository + "/" + models.getOrDefault(model, List.of()).getFirst())
        .collect(Collectors.joining(", "));
  }

  private String labels() {
    Stream<String> labels = models.keySet().stream().map(model -> label(model).orElse(model));
    return models.isEmpty()
        ? "no GGUF file"
        : labels.distinct().sorted().collect(Collectors.joining(", "));
  }
}
