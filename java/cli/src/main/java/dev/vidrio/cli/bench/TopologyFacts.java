package dev.vidrio.cli.bench;

import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.kernel.ffm.Topology;
import dev.vidrio.kernel.ffm.Topology.Processor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Prints a {@link Topology}. */
public final class TopologyFacts {
  private TopologyFacts() {}

  /** Returns the numbers, and the processors of each node. */
  public static JsonObject toJson(Topology t) {
    List<JsonObject> nodes = new ArrayList<>();
    byNode(t)
        .forEach(
            (node, processors) ->
                nodes.add(
                    new JsonObject()
                        .with("node", node)
                        .with("processors", ranges(processors, false))
                        .with("allowed", ranges(processors, true))));
    return new JsonObject()
        .with("packages", t.packages())
        .with("nodes", nodes)
        .with("last_level_caches", t.caches())
        .with("cores", t.cores())
        .with("allowed_cores", t.allowedCores())
        .with("fast_cores", t.fastCores())
        .with("processors", t.processors().size())
        .with("quota_cpus", t.quota() == 0 ? null : t.quota())
        .with("whole_nodes", t.wholeNodes());
  }

  /** Returns one line of numbers, and one for each node if there are several. */
  public static List<String> toText(Topology t) {
    List<String> lines = new ArrayList<>();
    lines.add(
        String.join(
            ", ",
            number(t.packages(), "package"),
            number(t.nodes(), "node"),
            number(t.caches(), "last-level cache"),
            number(t.cores(), "core"),
            number(t.processors().size(), "processor"),
            t.quota() == 0
                ? "no quota"
                : String.format(Locale.ROOT, "quota %.1f CPUs", t.quota())));
    if (t.nodes() > 1) {
      byNode(t)
          .forEach(
              (node, processors) ->
                  lines.add(
                      String.format(
                          Locale.ROOT,
                          "node %d: processors %s, allowed %s",
                          node,
                          ranges(processors, false),
                          ranges(processors, true))));
    }
    return lines;
  }

  private static String number(int count, String name) {
    return count + " " + name + (count == 1 ? "" : "s");
  }

  private static Map<Integer, List<Processor>> byNode(Topology t) {
    Map<Integer, List<Processor>> nodes = new LinkedHashMap<>();
    for (Processor p : t.processors()) {
      nodes.computeIfAbsent(p.node(), node -> new ArrayList<>()).add(p);
    }
    return nodes;
  }

  /** Returns the ids of the processors, or of the allowed ones, such as "0-3,8"; "none". */
  private static String ranges(List<Processor> processors, boolean onlyAllowed) {
    int[] ids =
        processors.stream()
            .filter(p -> p.allowed() || !onlyAllowed)
            .mapToInt(Processor::id)
            .sorted()
            .toArray();
    List<String> ranges = new ArrayList<>();
    for (int begin = 0, end; begin < ids.length; begin = end) {
      end = begin + 1;
      while (end < ids.length && ids[end] == ids[end - 1] + 1) {
        end++;
      }
      ranges.add(end == begin + 1 ? "" + ids[begin] : ids[begin] + "-" + ids[end - 1]);
    }
    return ranges.isEmpty() ? "none" : String.join(",", ranges);
  }
}
