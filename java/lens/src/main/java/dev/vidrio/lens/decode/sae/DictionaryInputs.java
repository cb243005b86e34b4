package dev.vidrio.lens.decode.sae;

import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.resolve.Preconditions;
import java.util.List;
import java.util.stream.Collectors;

/** The activations of a model that the features of a dictionary read. */
public final class DictionaryInputs {
  private final List<HookPoint> points;

  private DictionaryInputs(List<HookPoint> points) {
    this.points = points;
  }

  /**
   * Returns the inputs of a dictionary.
   *
   * @throws dev.vidrio.error.InvalidInputException if the dictionary does not name its hook points,
   *     or they are not of one model, or the model does not have one
   */
  public static DictionaryInputs of(Lens lens, FeatureDictionary dictionary) {
    List<String> names = dictionary.hooksIn();
    boolean named = !names.isEmpty() && names.stream().noneMatch(String::isEmpty);
    Preconditions.require(named, "hook", "", "the dictionary does not name its hook point");
    Preconditions.require(
        names.stream().distinct().count() == names.size(),
        "crosscoder",
        "of two models",
        "is not supported here");
    return new DictionaryInputs(
        names.stream().map(name -> Preconditions.requireOne(name, lens.points(name))).toList());
  }

  /** Returns the hook points, in the order of {@link FeatureDictionary#hooksIn}. */
  public List<HookPoint> points() {
    return points;
  }

  /** Returns the names of the hook points, separated by commas. */
  public String names() {
    return points.stream().map(HookPoint::name).collect(Collectors.joining(","));
  }

  /** Returns the capture of a run that {@link #rows} reads. */
  public Capture capture() {
    return Capture.of(names());
  }

  /** Returns the activations of the captured tokens, concatenated, [n][Σ width]. */
  public float[][] rows(ActivationCache cache) {
    float[][] first = cache.get(points.getFirst()).rows();
    if (points.size() == 1) {
      return first;
    }
    List<float[][]> all = points.stream().map(point -> cache.get(point).rows()).toList();
    int width = all.stream().mapToInt(rows -> rows[0].length).sum();
    var rows = new float[first.length][width];
    for (int i = 0; i < rows.length; i++) {
      int at = 0;
      for (float[][] activations : all) {
        System.arraycopy(activations[i], 0, rows[i], at, activations[i].length);
        at += activations[i].length;
      }
    }
    return rows;
  }
}
