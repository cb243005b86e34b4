package dev.vidrio.server.lens;

import dev.vidrio.engine.Engine;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.Edit;
import dev.vidrio.lens.hook.HookPoint;
import dev.vidrio.lens.intervene.SteeringVector;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.Fields;
import dev.vidrio.server.http.Value;
import dev.vidrio.server.model.ServedModel;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Directions that are added to activations while an answer is generated: {@code "vidrio": {"steer":
 * [{"hook": …, "strength": …, "plus": …, "minus": …}]}}, or {@code "vector"} in place of the texts.
 */
public record Steering(List<Direction> directions) {
  private static final int MAX_DIRECTIONS = 8;
  private static final int MAX_TEXTS = 16;
  private static final int MAX_WIDTH = 1 << 16;
  private static final double MAX_STRENGTH = 1e6;

  /**
   * What may be added to an element. A norm's sum over a row of the largest ones, each added by as
   * many directions as there may be, is finite.
   */
  private static final float MAX_ADDED = 1e15f;

  /**
   * One of them.
   *
   * @param hook where it is added
   * @param vector null for the difference of the texts' means
   * @param values those of the vector
   * @param plus texts that have what is wanted
   * @param minus texts that have not
   */
  private record Direction(
      Value hook,
      float strength,
      @Nullable Value vector,
      List<Float> values,
      List<LensText> plus,
      List<LensText> minus) {}

  /** Reads the field {@code vidrio}; nothing where it is absent. */
  public static Steering read(@Nullable Value value) {
    List<Direction> directions = new ArrayList<>();
    if (value != null) {
      Fields fields = value.fields();
      Value steer = fields.required("steer");
      fields.end();
      steer.elements(0, MAX_DIRECTIONS).forEach(each -> directions.add(direction(each.fields())));
    }
    return new Steering(directions);
  }

  private static Direction direction(Fields fields) {
    Value hook = fields.required("hook");
    var _ = hook.string();
    float strength = (float) fields.required("strength").number(-MAX_STRENGTH, MAX_STRENGTH);
    Value vector = fields.value("vector");
    var direction =
        vector == null
            ? new Direction(
                hook,
                strength,
                null,
                List.of(),
                texts(fields.required("plus")),
                texts(fields.required("minus")))
            : new Direction(hook, strength, vector, floats(vector, strength), List.of(), List.of());
    fields.end();
    return direction;
  }

  private static List<LensText> texts(Value value) {
    return value.isString()
        ? List.of(LensText.plain(value))
        : value.elements(1, MAX_TEXTS).stream().map(LensText::plain).toList();
  }

  private static List<Float> floats(Value value, float strength) {
    List<Float> floats = new ArrayList<>();
    for (Value element : value.elements(1, MAX_WIDTH)) {
      float added = (float) element.number(-Float.MAX_VALUE, Float.MAX_VALUE);
      if (!(Math.abs(added * strength) <= MAX_ADDED)) {
        throw element.error("times the strength must be from -1e15 to 1e15");
      }
      floats.add(added);
    }
    return floats;
  }

  /** The edits that they are in a model; runs the texts. */
  public List<Edit> edits(LensWork work, String model) {
    return directions.isEmpty()
        ? List.of()
        : work.run(
            model,
            served -> {
              if (!served.isSteerable()) {
                throw ApiException.unsupported(
                    "vidrio.steer",
                    "vidrio.steer: this server does not steer; vidrio serve does with --kv F32");
              }
              List<Supplier<Edit>> edits =
                  directions.stream().map(each -> edit(served, each)).toList();
              return () -> edits.stream().map(Supplier::get).toList();
            },
            _ -> {});
  }

  /** Checks one of them; the supplier runs its texts. */
  private static Supplier<Edit> edit(ServedModel model, Direction direction) {
    Lens lens = Lens.of(model.model());
    HookPoint point = point(lens, direction.hook, model.engine().options().lens().editable());
    if (direction.vector != null) {
      Edit edit = Edit.add(point, direction.strength, toArray(direction.values));
      requireFits(model.engine(), edit, direction.vector.path());
      return () -> edit;
    }
    List<int[]> plus = encode(model, direction.plus);
    List<int[]> minus = encode(model, direction.minus);
    return () -> SteeringVector.of(lens, point, plus, minus).edit(direction.strength);
  }

  /** The point that a name means, which must be among those that can be edited. */
  private static HookPoint point(Lens lens, Value hook, String editable) {
    List<HookPoint> points;
    try {
      points = lens.points(hook.string());
    } catch (InvalidInputException e) {
      throw hook.error(e.limit());
    }
    if (points.size() != 1) {
      throw hook.error("means " + points.size() + " points, but must mean one");
    }
    if (!lens.points(editable).containsAll(points)) {
      throw hook.error("this server steers at " + editable);
    }
    return points.getFirst();
  }

  private static void requireFits(Engine engine, Edit edit, String path) {
    try {
      engine.check(GenerationRequest.builder(new int[] {0}).edits(List.of(edit)).build());
    } catch (InvalidInputException e) {
      throw ApiException.invalid(path, path + ": " + e.getMessage());
    }
  }

  private static float[] toArray(List<Float> values) {
    var array = new float[values.size()];
    for (int i = 0; i < array.length; i++) {
      array[i] = values.get(i);
    }
    return array;
  }

  private static List<int[]> encode(ServedModel model, List<LensText> texts) {
    return texts.stream().map(text -> text.tokens(model)).toList();
  }
}
