package dev.vidrio.fuzz.plan;

import dev.vidrio.kernel.hook.ColumnStatistics;
import dev.vidrio.kernel.hook.EditTable;
import dev.vidrio.kernel.hook.TapTarget;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.kernel.op.Operand;
import dev.vidrio.kernel.op.Rows;
import dev.vidrio.kernel.weight.LowRankTable;
import dev.vidrio.kernel.weight.Weights;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Describes cases in a line for each operation and step. */
final class Description {
  private Description() {}

  /** Returns the description of a finding, several lines. */
  static String of(Differential.Finding finding) {
    PlanCase example = finding.example();
    List<String> lines = new ArrayList<>();
    lines.add(finding.setup().described(example));
    lines.add(finding.description());
    lines.add(example.limits() + ", cache of " + example.cacheType() + " " + example.plan().kv());
    for (Op op : example.plan().ops()) {
      lines.add("  " + of(op));
    }
    for (List<PlanCase.Token> step : example.steps()) {
      lines.add(
          step.stream()
              .map(
                  t ->
                      "%d@%d of %d%s%s"
                          .formatted(
                              t.token(),
                              t.position(),
                              t.sequence(),
                              t.type() == 0 ? "" : " type " + t.type(),
                              t.wantsLogits() ? " logits" : ""))
              .collect(Collectors.joining(", ", "  step: ", "")));
    }
    return String.join("\n", lines);
  }

  /** Returns a description of an operation or one of its parts. */
  private static String of(@Nullable Object part) {
    return switch (part) {
      case null -> "null";
      case Operand x ->
          x.name() + "[" + (x.rows() == Rows.TOKENS ? "n," : "logits,") + x.width() + "]";
      case Weights w -> w.name() + (w.layout() == Weights.Layout.PACKED ? " packed" : "");
      case MemorySegment memory -> memory.byteSize() + " bytes";
      case EditTable edits -> edits.subspaces() ? "edits of subspaces" : "edits";
      case TapTarget tap -> "tap of " + tap.type();
      case ColumnStatistics ignored -> "statistics";
      case LowRankTable table -> "adapters of rank " + table.maxRank() + ", " + table.matrix(0);
      case Record record -> of(record);
      case List<?> list when list.size() > 8 -> of(list.subList(0, 8)) + "...";
      case List<?> list ->
          list.stream().map(Description::of).collect(Collectors.joining(", ", "[", "]"));
      default -> part.toString();
    };
  }

  private static String of(Record record) {
    List<String> parts = new ArrayList<>();
    for (RecordComponent component : Records.components(record.getClass())) {
      parts.add(component.getName() + "=" + of(Records.value(component, record)));
    }
    return record.getClass().getSimpleName() + "(" + String.join(", ", parts) + ")";
  }
}
