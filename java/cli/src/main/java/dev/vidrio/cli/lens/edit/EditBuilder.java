package dev.vidrio.cli.lens.edit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Change;
import dev.vidrio.lens.hook.Edit;
import dev.vidrio.lens.intervene.Ablation;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.Function;

/** Builds the edits of a hook point from the text of an edit. */
final class EditBuilder {
  private final EditText text;
  private final EditSource source;
  private final Region region;

  EditBuilder(EditText text, EditSource source, Region region) {
    this.text = text;
    this.source = source;
    this.region = region;
  }

  /** Returns the edits: one per contiguous range of a row. */
  List<Edit> edits() {
    return switch (text.operation()) {
      case ZERO -> {
        source.requireEnd(0);
        yield each(columns -> region.edit(columns, new Change.Zero()));
      }
      case SET -> rows(source.values(region.point(), 0), Change.Set::new);
      case ADD -> {
        float strength = source.number("strength", 0);
        yield rows(source.values(region.point(), 1), values -> new Change.Add(strength, values));
      }
      case SCALE -> {
        var scale = new Change.Scale(source.number("factor", 0));
        source.requireEnd(1);
        yield each(columns -> region.edit(columns, scale));
      }
      case CLAMP -> {
        var clamp = new Change.Clamp(source.number("min", 0), source.number("max", 1));
        source.requireEnd(2);
        yield each(columns -> region.edit(columns, clamp));
      }
      case PROJECT_OUT -> projectOut();
      case PATCH -> patch();
      case SWAP -> swap();
      case MEAN -> mean();
      case RESAMPLE -> resample();
      case NOISE -> noise();
    };
  }

  private List<Edit> each(Function<Edit.Columns, Edit> edit) {
    return region.columns().stream().map(edit).toList();
  }

  /** Edits by one row for all positions, generated ones too, or by a row per position. */
  private List<Edit> rows(Rows rows, Function<MemorySegment, Change> change) {
    rows.requireFit(region);
    BiFunction<Edit.Columns, Change, Edit> place =
        rows.count() == 1 ? region::edit : region::editOfText;
    List<Edit> edits = new ArrayList<>();
    int before = 0;
    for (Edit.Columns columns : sized()) {
      edits.add(place.apply(columns, change.apply(rows.of(region, columns, before))));
      before += Region.size(columns);
    }
    return edits;
  }

  /** Returns the columns with a size: attention is limited to the keys of the text. */
  private List<Edit.Columns> sized() {
    if (!region.isAttention()) {
      return region.columns();
    }
    return region.columns().stream()
        .map(
            columns ->
                switch (columns) {
                  case Edit.Columns.All() -> new Edit.Columns.Keys(null, 0, region.tokens());
                  case Edit.Columns.Head(int h) -> new Edit.Columns.Keys(h, 0, region.tokens());
                  default -> columns;
                })
        .toList();
  }

  /** Returns the only range of columns, as directions need. */
  private Edit.Columns.Range range() {
    if (region.columns().size() == 1
        && region.columns().getFirst() instanceof Edit.Columns.Range range) {
      return range;
    }
    throw text.refused("directions need contiguous elements of a row");
  }

  private List<Edit> projectOut() {
    Edit.Columns.Range range = range();
    Rows direction = source.values(region.point(), 0);
    direction.requireFit(region);
    if (direction.count() != 1 || direction.width() == 1) {
      throw text.refused("needs one direction");
    }
    float[] part = direction.of(region, range, 0).toArray(JAVA_FLOAT);
    Change change = Edit.projectOut(region.point(), part).change();
    return List.of(region.edit(range, change));
  }

  private List<Edit> patch() {
    if (!region.isAttention()) {
      return rows(source.patch(region.point(), 0, region.positions()), Change.Set::new).stream()
          .map(this::inText)
          .toList();
    }
    Activation other = source.activation(region.point(), 0);
    if (text.arguments().getFirst().index() != null) {
      throw text.refused("attention cannot be patched to another position");
    }
    return each(columns -> region.editOfText(columns, new Change.Patch(other, 0)));
  }

  /** Limits an edit to the positions of the text. */
  private Edit inText(Edit edit) {
    return edit.positions(region.positions().from(), region.positions().to());
  }

  private List<Edit> swap() {
    Edit.Columns.Range range = range();
    Rows basis = source.tensor(region.point(), 0);
    if (basis.width() != region.width()) {
      throw new InvalidInputException(
          "basis of " + region.point(),
          "rows of " + basis.width(),
          "must be rows of " + region.width());
    }
    Rows values = source.patch(region.point(), 1, region.positions());
    values.requireFit(region);
    Change change = new Change.Subspace(basis.values(), values.of(region, range, 0));
    return List.of(region.editOfText(range, change));
  }

  private List<Edit> mean() {
    List<ActivationCache> runs = source.runs(region.point(), text.arguments().size());
    try {
      Edit mean = Ablation.mean(region.point(), runs);
      return switch (mean.change()) {
        case Change.Set(MemorySegment values) -> rows(rowsOf(values, 1), Change.Set::new);
        case Change.Patch patch -> each(columns -> region.editOfText(columns, patch));
        default -> throw new IllegalStateException(mean.toString());
      };
    } finally {
      runs.forEach(ActivationCache::close);
    }
  }

  private List<Edit> resample() {
    int seedAt = source.seedAt();
    List<ActivationCache> runs = source.runs(region.point(), seedAt);
    try {
      Index.Range positions = region.positions();
      Edit drawn =
          Ablation.resample(
              region.point(), runs, positions.from(), positions.to(), source.seed(seedAt));
      return ofText(drawn.change());
    } finally {
      runs.forEach(ActivationCache::close);
    }
  }

  private List<Edit> noise() {
    if (region.isAttention()) {
      throw text.refused("not supported for attention");
    }
    int seedAt = source.seedAt();
    float deviation = source.number("standard deviation", 0);
    if (seedAt > 1) {
      source.requireEnd(1);
    }
    Index.Range positions = region.positions();
    Edit noise =
        Ablation.noise(
            region.point(),
            region.rowWidth(),
            positions.from(),
            positions.to(),
            deviation,
            source.seed(seedAt));
    return ofText(noise.change());
  }

  /** Edits each position of the text by its own values. */
  private List<Edit> ofText(Change change) {
    int count = region.positions().size();
    List<Edit> edits =
        switch (change) {
          case Change.Set(MemorySegment values) -> rows(rowsOf(values, count), Change.Set::new);
          case Change.Add(float strength, MemorySegment values) ->
              rows(rowsOf(values, count), v -> new Change.Add(strength, v));
          default -> throw new IllegalStateException(change.toString());
        };
    return edits.stream().map(this::inText).toList();
  }

  private static Rows rowsOf(MemorySegment values, int count) {
    return new Rows(values.toArray(JAVA_FLOAT), count);
  }
}
