package dev.vidrio.server.lens;

import dev.vidrio.engine.Engine;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.intervene.SteeringVector;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.JsonFields;
import dev.vidrio.server.http.JsonValue;
import dev.vidrio.server.model.ServedModel;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Steering directions, which are added to activations while an answer is generated: {@code
 * "vidrio": {"steer": [{"hook": …, "strength": …, "plus": …, "minus": …}]}}, or {@code "vector"}
 * instead of the texts.
 *
 * @param directions the directions
 */
public record Steering(List<Direction> directions) {
  /** No directions. */
  static final Steering NONE = new Steering(List.of());

  private static final int MAX_DIRECTIONS = 8;
  private static final int MAX_TEXTS = 16;
  private static final int MAX_WIDTH = 1 << 16;
  private static final double MAX_STRENGTH = 1e6;

  /**
   * Maximum absolute value that a direction adds to an element. Norms of a row stay finite even if
   * all directions add it to each element.
   */
  private static final float MAX_ADDED = 1e15f;

  /**
   * A direction.
   *
   * @param hook the hook point
   * @param strength the factor of the direction
   * @param vector the field of the vector; null for the difference of the texts' mean activations
   * @param plus texts with the wanted property
   * @param minus texts without it
   */
  private record Direction(
      JsonValue hook,
      float strength,
      @Nullable JsonValue vector,
      List<LensInput> plus,
      List<LensInput> minus) {}

  /** Reads the field {@code vidrio}; no directions if it is absent. */
  public static Steering read(@Nullable JsonValue value) {
    if (value == null) {
      return new Steering(List.of());
    }
    JsonFields fields = value.fields();
    Steering steering = ofDirections(fields.required("steer"));
    fields.end();
    return steering;
  }

  /**
   * Reads the directions of a lens request; none if the field is absent.
   *
   * @param name the name of the field, such as {@code steer}
   */
  static Steering ofLens(JsonFields fields, String name) {
    return fields.optional(name, Steering::ofDirections).orElse(NONE);
  }

  private static Steering ofDirections(JsonValue steer) {
    return new Steering(
        steer.elements(0, MAX_DIRECTIONS).stream().map(each -> direction(each.fields())).toList());
  }

  private static Direction direction(JsonFields fields) {
    JsonValue hook = fields.required("hook");
    var _ = hook.string();
    float strength = (float) fields.required("strength").number(-MAX_STRENGTH, MAX_STRENGTH);
    JsonValue vector = fields.value("vector");
    List<LensInput> plus = vector == null ? texts(fields.required("plus")) : List.of();
    List<LensInput> minus = vector == null ? texts(fields.required("minus")) : List.of();
    if (vector != null) {
      var _ = elements(vector, strength);
    }
    fields.end();
    return new Direction(hook, strength, vector, plus, minus);
  }

  private static List<LensInput> texts(JsonValue value) {
    return value.isString()
        ? List.of(LensInput.plain(value))
        : value.elements(1, MAX_TEXTS).stream().map(LensInput::plain).toList();
  }

  private static float[] elements(JsonValue vector, float strength) {
    List<JsonValue> elements = vector.elements(1, MAX_WIDTH);
    var values = new float[elements.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) elements.get(i).number(-Float.MAX_VALUE, Float.MAX_VALUE);
      if (!(Math.abs(values[i] * strength) <= MAX_ADDED)) {
        throw elements.get(i).error("times strength must be from -1e15 to 1e15");
      }
    }
    return values;
  }

  /** Returns the edits of a model, which runs the texts. */
  public List<Intervention> edits(LensExecutor work, String model) {
    return directions.isEmpty()
        ? List.of()
        : work.run(
            model,
            served -> {
              if (!served.isSteerable()) {
                throw ApiException.unsupported(
                    "vidrio.steer", "not supported: the engine has no editable hook points");
              }
              return prepare(served);
            },
            _ -> {});
  }

  /** Validates the directions; the supplier runs their texts. */
  Supplier<List<Intervention>> prepare(ServedModel served) {
    List<Supplier<Intervention>> edits =
        directions.stream().map(each -> edit(served, each)).toList();
    return () -> edits.stream().map(Supplier::get).toList();
  }

  /** Validates a direction; the supplier runs its texts. */
  private static Supplier<Intervention> edit(ServedModel model, Direction direction) {
    model.requireDecoder();
    Lens lens = Lens.of(model.model());
    HookPoint point = point(lens, direction.hook, model.engine().options().lens().editable());
    if (direction.vector != null) {
      Intervention edit =
          Intervention.add(
              point, direction.strength, elements(direction.vector, direction.strength));
      requireFits(model.engine(), edit, direction.vector.path());
      return () -> edit;
    }
    List<int[]> plus = encode(model, direction.plus);
    List<int[]> minus = encode(model, direction.minus);
    return () -> SteeringVector.of(lens, point, plus, minus).edit(direction.strength);
  }

  /** Returns the hook point of a name, which must be editable. */
  private static HookPoint point(Lens lens, JsonValue hook, String editable) {
    List<HookPoint> points;
    try {
      points = lens.points(hook.string());
    } catch (InvalidInputException e) {
      throw hook.error(e.limit());
    }
    if (points.size() != 1) {
      throw hook.error("matches " + points.size() + " hook points; must match one");
    }
    if (!lens.points(editable).containsAll(points)) {
      throw hook.error("not editable; must match " + editable);
    }
    return points.getFirst();
  }

  private static void requireFits(Engine engine, Intervention edit, String path) {
    try {
      engine.check(GenerationRequest.builder(new int[] {0}).edits(List.of(edit)).build());
    } catch (InvalidInputException e) {
      throw ApiException.invalid(path, e.getMessage());
    }
  }

  private static List<int[]> encode(ServedModel model, List<LensInput> texts) {
    return texts.stream().map(text -> text.tokens(model)).toList();
  }
}
