package dev.vidrio.lens.resolve;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.SimilarNames;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Patterns of hook point names. {@code *} matches any characters, and a block may be counted from
 * the end or be a range: {@code blocks.*.hook_resid_post}, {@code blocks.-1.attn.hook_z}, {@code
 * blocks.4-7.*}. Head results, {@code hook_result}, take H times the memory of other points and are
 * selected only by patterns that contain {@code result}.
 */
public final class HookPattern {
  private static final Pattern BLOCK = Pattern.compile("blocks\\.(-\\d{1,4}|\\d{1,4}-\\d{1,4})\\.");

  /** A block counted from the end, a range, or a single block. */
  private static final Pattern NUMBERED =
      Pattern.compile("blocks\\.(-?\\d{1,4}|\\d{1,4}-\\d{1,4})\\.");

  /** Maximum number of names that an error suggests. */
  private static final int SUGGESTIONS = 3;

  private HookPattern() {}

  /**
   * Returns the points that a comma-separated list of patterns selects, in the order of the model.
   *
   * @throws InvalidInputException if a pattern selects none
   */
  public static List<HookPoint> select(String patterns, HookMap map, int layers) {
    List<HookPoint> all = map.points();
    Set<HookPoint> chosen = new LinkedHashSet<>();
    for (String part : patterns.split(",", -1)) {
      String pattern = part.strip();
      List<HookPoint> meant = matching(pattern, all, layers);
      if (meant.isEmpty()) {
        throw new InvalidInputException("hook", pattern, reason(pattern, all, layers));
      }
      chosen.addAll(meant);
    }
    return all.stream().filter(chosen::contains).toList();
  }

  private static List<HookPoint> matching(String pattern, List<HookPoint> all, int layers) {
    boolean results = pattern.contains("result");
    List<Glob> alternatives = compile(pattern, layers);
    return all.stream()
        .filter(point -> results || point.site() != HookSite.RESULT)
        .filter(point -> alternatives.stream().anyMatch(glob -> glob.matches(point.name())))
        .toList();
  }

  /** Explains why a pattern selects no point. */
  private static String reason(String pattern, List<HookPoint> all, int layers) {
    Matcher block = NUMBERED.matcher(pattern);
    boolean beyond =
        block.lookingAt()
            && !matching("blocks.*." + pattern.substring(block.end()), all, layers).isEmpty()
            && matching(block.group() + "*", all, layers).isEmpty();
    return beyond
        ? "the model's layers are 0 to " + (layers - 1) + ", or -" + layers + " to -1"
        : suggestion(pattern, all);
  }

  private static List<Glob> compile(String pattern, int layers) {
    Matcher block = BLOCK.matcher(pattern);
    if (!block.lookingAt()) {
      return List.of(Glob.of(pattern));
    }
    String numbers = block.group(1);
    int dash = numbers.lastIndexOf('-');
    int from = dash == 0 ? layers + Integer.parseInt(numbers) : parse(numbers, 0, dash);
    int to = dash == 0 ? from : parse(numbers, dash + 1, numbers.length());
    List<Glob> alternatives = new ArrayList<>();
    for (int l = Math.max(from, 0); l <= Math.min(to, layers - 1); l++) {
      alternatives.add(Glob.of("blocks." + l + "." + pattern.substring(block.end())));
    }
    return alternatives;
  }

  private static int parse(String text, int begin, int end) {
    return Integer.parseInt(text, begin, end, 10);
  }

  /**
   * The literal parts of a pattern between its wildcards. Models have thousands of names, for which
   * matching regular expressions would take longer than a layer.
   *
   * @param first the part before the first wildcard
   * @param middle the parts between wildcards
   * @param last the part after the last wildcard; null without a wildcard
   */
  private record Glob(String first, List<String> middle, @Nullable String last) {
    static Glob of(String pattern) {
      List<String> parts = List.of(pattern.split("\\*", -1));
      return parts.size() == 1
          ? new Glob(pattern, List.of(), null)
          : new Glob(parts.getFirst(), parts.subList(1, parts.size() - 1), parts.getLast());
    }

    boolean matches(String name) {
      if (last == null) {
        return name.equals(first);
      }
      int end = name.length() - last.length();
      int at = first.length();
      if (at > end || !name.startsWith(first) || !name.endsWith(last)) {
        return false;
      }
      for (String part : middle) {
        int found = name.indexOf(part, at);
        at = found + part.length();
        if (found < 0 || at > end) {
          return false;
        }
      }
      return true;
    }
  }

  /** Returns similar names, or sites without their block if there is none. */
  private static String suggestion(String pattern, List<HookPoint> all) {
    List<String> near = SimilarNames.of(pattern, all.stream().map(HookPoint::name).toList());
    if (near.isEmpty()) {
      String site = pattern.substring(pattern.lastIndexOf('.') + 1);
      near =
          Arrays.stream(HookSite.values())
              .filter(candidate -> all.stream().anyMatch(p -> p.site() == candidate))
              .filter(candidate -> isNear(site, lastPart(candidate)))
              .sorted(Comparator.comparingInt(c -> SimilarNames.distance(site, lastPart(c))))
              .map(candidate -> (candidate.inBlock() ? "blocks.*." : "") + candidate.suffix())
              .toList();
    }
    return near.isEmpty()
        ? "not found; '*' selects all"
        : "not found; similar: "
            + String.join(", ", near.subList(0, Math.min(SUGGESTIONS, near.size())));
  }

  private static String lastPart(HookSite site) {
    return site.suffix().substring(site.suffix().lastIndexOf('.') + 1);
  }

  private static boolean isNear(String typed, String name) {
    return !SimilarNames.of(typed, List.of(name)).isEmpty()
        || (typed.length() > 2 && name.contains(typed));
  }
}
