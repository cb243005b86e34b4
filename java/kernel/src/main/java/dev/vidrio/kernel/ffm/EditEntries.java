package dev.vidrio.kernel.ffm;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.vidrio.bindings.Vidrio;
import dev.vidrio.bindings.vd_edit;
import dev.vidrio.bindings.vd_edit_entry;
import dev.vidrio.kernel.hook.EditKind;
import dev.vidrio.kernel.hook.EditTable;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The native copy of the entries of an {@link EditTable}. */
final class EditEntries {
  private final EditTable table;
  private final MemorySegment entries;
  private final MemorySegment count;
  private int version;

  EditEntries(EditTable table, Arena arena) {
    this.table = table;
    this.entries = vd_edit_entry.allocateArray(table.capacity(), arena);
    this.count = arena.allocate(JAVA_INT);
    this.version = table.version() - 1;
  }

  /** Fills in the entries of a vd_edit. */
  void fill(MemorySegment s) {
    vd_edit.entries(s, entries);
    vd_edit.n_entries(s, count);
  }

  /**
   * Copies the entries if they have changed, and checks that their values are alive.
   *
   * @throws IllegalStateException if values are closed
   */
  void update() {
    List<EditTable.Entry> current = table.entries();
    for (EditTable.Entry entry : current) {
      requireAlive(entry.edit().values());
      requireAlive(entry.edit() instanceof EditKind.Subspace subspace ? subspace.basis() : null);
    }
    if (version != table.version()) {
      for (int i = 0; i < current.size(); i++) {
        write(current.get(i), vd_edit_entry.asSlice(entries, i));
      }
      count.set(JAVA_INT, 0, current.size());
      version = table.version();
    }
  }

  private static void requireAlive(@Nullable MemorySegment segment) {
    if (segment != null && !segment.scope().isAlive()) {
      throw new IllegalStateException("the values of an edit are closed");
    }
  }

  private static void write(EditTable.Entry entry, MemorySegment s) {
    EditTable.Region region = entry.region();
    MemorySegment values = entry.edit().values();
    vd_edit_entry.values(s, values == null ? MemorySegment.NULL : values);
    vd_edit_entry.per_position(s, entry.perPosition() ? 1 : 0);
    vd_edit_entry.sequence(
        s,
        region.sequence() == EditTable.Region.ALL ? Vidrio.VD_ALL_SEQUENCES() : region.sequence());
    vd_edit_entry.from(s, region.from());
    vd_edit_entry.to(s, region.to());
    vd_edit_entry.begin(s, region.begin());
    vd_edit_entry.end(s, region.end());
    vd_edit_entry.kind(s, write(entry.edit(), region, s));
  }

  /** Fills in the fields of a kind of edit and returns its number. */
  private static int write(EditKind edit, EditTable.Region region, MemorySegment s) {
    return switch (edit) {
      case EditKind.Set ignored -> Vidrio.VD_EDIT_SET();
      case EditKind.Add add -> {
        vd_edit_entry.factor(s, add.strength());
        yield Vidrio.VD_EDIT_ADD();
      }
      case EditKind.Scale scale -> {
        vd_edit_entry.factor(s, scale.factor());
        yield Vidrio.VD_EDIT_SCALE();
      }
      case EditKind.Clamp clamp -> {
        vd_edit_entry.min(s, clamp.min());
        vd_edit_entry.max(s, clamp.max());
        yield Vidrio.VD_EDIT_CLAMP();
      }
      case EditKind.Subspace subspace -> {
        vd_edit_entry.basis(s, subspace.basis());
        long row = (long) region.columns() * Float.BYTES;
        vd_edit_entry.k(s, (int) (subspace.basis().byteSize() / row));
        yield Vidrio.VD_EDIT_SUBSPACE();
      }
    };
  }
}
