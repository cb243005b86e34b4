package dev.vidrio.lens.edit;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.EditKind;
import dev.vidrio.lens.hook.Activation;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.hook.InterventionKind;
import dev.vidrio.lens.intervene.Ablation;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.Function;

/** Builds the edits of a hook point from the text of an edit. */
record EditBuilder(EditText text, EditSource source, Region region) {
  /** Returns the edits: one per contiguous range of a row. */
  List<Intervention> edits() {
    return switch (text.operation()) {
      case ZERO -> {
        source.requireEnd(0);
        yield each(columns -> region.edit(columns, new InterventionKind.Zero()));
      }
      case SET -> rows(source.values(region.point(), 0), EditKind.Set::new);
      case ADD -> {
        float strength = source.number("strength", 0);
        yield rows(source.values(region.point(), 1), values -> new EditKind.Add(strength, values));
      }
      case SCALE -> {
        var scale = new InterventionKind.Edit(new EditKind.Scale(source.number("factor", 0)));
        source.requireEnd(1);
        yield each(columns -> region.edit(columns, scale));
      }
      case CLAMP -> {
        var bounds = new EditKind.Clamp(source.number("min", 0), source.number("max", 1));
        var clamp = new InterventionKind.Edit(bounds);
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

  private List<Intervention> each(Function<Intervention.Columns, Intervention> edit) {
    return region.columns().stream().map(edit).toList();
  }

  /** Edits by one row for all positions, generated ones too, or by a row per position. */
  private List<Intervention> rows(Rows rows, Function<MemorySegment, EditKind> change) {
    rows.requireFit(region);
    BiFunction<Intervention.Columns, InterventionKind, Intervention> place =
        rows.count() == 1 ? region::edit : region::editOfText;
    List<Intervention> edits = new ArrayList<>();
    int before = 0;
    for (Intervention.Columns columns : sized()) {
      EditKind edit = change.apply(rows.of(region, columns, before));
      edits.add(place.apply(columns, new InterventionKind.Edit(edit)));
      before += Region.size(columns);
    }
    return edits;
  }

  /** Returns the columns with a size: attention is limited to the keys of the text. */
  private List<Intervention.Columns> sized() {
    if (!region.isAttention()) {
      return region.columns();
    }
    return region.columns().stream()
        .map(
            columns ->
                switch (columns) {
                  case Intervention.Columns.All() ->
                      new Intervention.Columns.Keys(null, 0, region.tokens());
                  case Intervention.Columns.Head(int h) ->
                      new Intervention.Columns.Keys(h, 0, region.tokens());
                  default -> columns;
                })
        .toList();
  }

  /** Returns the only range of columns, as directions need. */
  private Intervention.Columns.Range range() {
    if (region.columns().size() == 1
        && region.columns().getFirst() instanceof Intervention.Columns.Range range) {
      return range;
    }
    throw text.refused("directions need contiguous elements of a row");
  }

  private List<Intervention> projectOut() {
    Intervention.Columns.Range range = range();
    Rows direction = source.values(region.point(), 0);
    direction.requireFit(region);
    if (direction.count() != 1 || direction.width() == 1) {
      throw text.refused("needs one direction");
    }
    float[] part = direction.of(region, range, 0).toArray(JAVA_FLOAT);
    InterventionKind change = Intervention.projectOut(region.point(), part).kind();
    return List.of(region.edit(range, change));
  }

  private List<Intervention> patch() {
    if (!region.isAttention()) {
      return rows(source.patch(region.point(), 0, region.positions()), EditKind.Set::new).stream()
          .map(this::inText)
          .toList();
    }
    Activation other = source.activation(region.point(), 0);
    if (text.arguments().getFirst().index() != null) {
      throw text.refused("attention cannot be patched to another position");
    }
    return each(columns -> region.editOfText(columns, new InterventionKind.Patch(other, 0)));
  }

  /** Limits an edit to the positions of the text. */
  private Intervention inText(Intervention edit) {
    return edit.positions(region.positions().from(), region.positions().to());
  }

  private List<Intervention> swap() {
    Intervention.Columns.Range range = range();
    Rows basis = source.tensor(region.point(), 0);
    if (basis.width() != region.width()) {
      throw new InvalidInputException(
          "basis of " + region.point(),
          "rows of " + basis.width(),
          "must be rows of " + region.width());
    }
    Rows values = source.patch(region.point(), 1, region.positions());
    values.requireFit(region);
    var change = new EditKind.Subspace(basis.values(), values.of(region, range, 0));
    return List.of(region.editOfText(range, new InterventionKind.Edit(change)));
  }

  private List<Intervention> mean() {
    List<ActivationCache> runs = source.runs(region.point(), text.arguments().size());
    try {
      Intervention mean = Ablation.mean(region.point(), runs);
      return switch (mean.kind()) {
        case InterventionKind.Edit(EditKind.Set(MemorySegment values)) ->
            rows(rowsOf(values, 1), EditKind.Set::new);
        case InterventionKind.Patch patch -> each(columns -> region.editOfText(columns, patch));
        default -> throw new IllegalStateException(mean.toString());
      };
    } finally {
      runs.forEach(ActivationCache::close);
    }
  }

  private List<Intervention> resample() {
    int seedAt = source.seedAt();
    List<ActivationCache> runs = source.runs(region.point(), seedAt);
    try {
      Index.Range positions = region.positions();
      Intervention drawn =
          Ablation.resample(
              region.point(), runs, positions.from(), positions.to(), source.seed(seedAt));
      return ofText(drawn.kind());
    } finally {
      runs.forEach(ActivationCache::close);
    }
  }

  private List<Intervention> noise() {
    if (region.isAttention()) {
      throw text.refused("not supported for attention");
    }
    int seedAt = source.seedAt();
    float deviation = source.number("standard deviation", 0);
    if (seedAt > 1) {
      source.requireEnd(1);
    }
    Index.Range positions = region.positions();
    Intervention noise =
        Ablation.noise(
            region.point(),
            region.rowWidth(),
            positions.from(),
            positions.to(),
            deviation,
            source.seed(seedAt));
    return ofText(noise.kind());
  }

  /** Edits each position of the text by its own values. */
  private List<Intervention> ofText(InterventionKind change) {
    int count = region.positions().size();
    List<Intervention> edits =
        switch (change) {
          case InterventionKind.Edit(EditKind.Set(MemorySegment values)) ->
              rows(rowsOf(values, count), EditKind.Set::new);
          case InterventionKind.Edit(EditKind.Add(float strength, MemorySegment values)) ->
              rows(rowsOf(values, count), v -> new EditKind.Add(strength, v));
          default -> throw new IllegalStateException(change.toString());
        };
    return edits.stream().map(this::inText).toList();
  }

  private static Rows rowsOf(MemorySegment values, int count) {
    return new Rows(values.toArray(JAVA_FLOAT), count);
  }
}
