package dev.vidrio.lens.task;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.Metric;
import dev.vidrio.lens.Sweep;
import dev.vidrio.lens.component.HeadOutputs;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.lens.numeric.Estimate;
import dev.vidrio.lens.resolve.HookMap;
import dev.vidrio.lens.resolve.Preconditions;
import dev.vidrio.lens.task.Task.Pair;
import dev.vidrio.lens.task.Task.Prompt;
import dev.vidrio.lens.vector.RowMean;
import dev.vidrio.lens.vector.Vectors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Function vectors (Todd et al. 2024, arXiv 2310.15213) and task vectors (Hendel et al. 2023, arXiv
 * 2310.15916): what a model has understood of a task from examples, as a vector that makes it
 * perform the task without them.
 *
 * <p>The causal indirect effect of a head is the rise of the probability of the right answer, or of
 * another metric, when, in a prompt with exchanged outputs in its demonstrations, the head's output
 * at the last token is replaced by its mean over correct prompts of the task. The function vector
 * of a task is the sum of the mean outputs of the heads with the largest average effect over all
 * tasks; it is added to the residual stream of the last token of a prompt without demonstrations.
 * The task vector is the mean residual stream of a layer at the last token of correct prompts; it
 * replaces that of the prompt.
 *
 * @param heads names, by layer and head
 * @param effects [heads]: average indirect effect over the prompts of all tasks
 * @param selected the indices of the heads of the vectors, in descending order of their effects
 * @param tasks the results for each task
 * @see "docs/lens/facts.md"
 */
public record FunctionVectors(
    List<String> heads, List<Estimate> effects, List<Integer> selected, List<Result> tasks) {
  /**
   * The vector of a task and accuracies on queries that none of its prompts contains: shares of
   * queries with the right token as the most likely next one.
   *
   * @param vector [d]: the function vector
   * @param demonstrated with demonstrations
   * @param mixed with exchanged outputs in the demonstrations
   * @param alone without demonstrations
   * @param withVector [layers]: without demonstrations, the function vector added to the output of
   *     a layer
   * @param withControl [layers]: the same with the vector of prompts with exchanged outputs
   * @param withTaskVector [layers]: the output of a layer replaced by the task vector
   */
  public record Result(
      String name,
      List<Float> vector,
      Estimate demonstrated,
      Estimate mixed,
      Estimate alone,
      List<Estimate> withVector,
      List<Estimate> withControl,
      List<Estimate> withTaskVector) {
    public Result {
      vector = List.copyOf(vector);
      withVector = List.copyOf(withVector);
      withControl = List.copyOf(withControl);
      withTaskVector = List.copyOf(withTaskVector);
    }
  }

  /**
   * Sizes.
   *
   * @param shots demonstrations per prompt; 10 in the paper
   * @param prompts prompts per task, for means and for effects
   * @param heads number of heads of a vector
   * @param seed of the order of pairs
   */
  public record Options(int shots, int prompts, int heads, long seed) {
    /** Ten demonstrations, 20 prompts, and 10 heads as in GPT-J of the paper. */
    public static final Options DEFAULT = new Options(10, 20, 10, 0);

    public Options {
      Preconditions.requirePositive("shots", shots);
      Preconditions.requirePositive("prompts", prompts);
      Preconditions.requirePositive("heads", heads);
    }
  }

  public FunctionVectors {
    heads = List.copyOf(heads);
    effects = List.copyOf(effects);
    selected = List.copyOf(selected);
    tasks = List.copyOf(tasks);
  }

  /**
   * Finds the heads and measures the vectors. A third of the pairs of each task are queries for
   * accuracies only.
   *
   * @throws InvalidInputException if there is no task, a task has too few pairs for the
   *     demonstrations, a layer has no attention, or the model does not support the tokens
   */
  public static FunctionVectors of(Lens lens, List<Task> tasks, Options options) {
    return of(lens, tasks, options, (_, answer) -> Metric.probability(answer));
  }

  /** Returns the metric of a prompt. */
  @FunctionalInterface
  public interface PromptMetric {
    /**
     * Returns the metric.
     *
     * @param tokens of a prompt with exchanged outputs in its demonstrations
     * @param answer the first token of the right output
     */
    Metric of(int[] tokens, int answer);
  }

  /**
   * Finds the heads by their effects on any metric, and measures the vectors.
   *
   * @param metric returns that of a prompt
   * @throws InvalidInputException as for probabilities
   */
  public static FunctionVectors of(
      Lens lens, List<Task> tasks, Options options, PromptMetric metric) {
    Preconditions.require(!tasks.isEmpty(), "tasks", 0, "must be at least 1");
    Preconditions.requireAttention(lens.model(), "function vectors");
    Preconditions.requireOneStream(lens.model(), "function vectors");
    HookMap hooks = HookMap.of(lens.model());
    List<String> names = new ArrayList<>();
    for (int l = 0; l < lens.model().architecture().layers(); l++) {
      for (int h = 0; h < hooks.heads(l); h++) {
        names.add("L" + l + ".H" + h);
      }
    }
    Preconditions.requireRange("heads", options.heads, 1, names.size());
    List<Split> splits = tasks.stream().map(task -> Split.of(task, options)).toList();
    List<Means> clean = new ArrayList<>();
    List<double[]> effects = new ArrayList<>();
    for (Split split : splits) {
      clean.add(Means.of(lens, hooks, split.prompts(lens, options, false)));
      for (Prompt prompt : split.prompts(lens, options, true)) {
        effects.add(
            effects(lens, clean.getLast(), prompt, metric.of(prompt.tokens(), prompt.answer())));
      }
    }
    List<Estimate> average =
        IntStream.range(0, names.size())
            .mapToObj(h -> Estimate.of(effects.stream().mapToDouble(row -> row[h]).toArray()))
            .toList();
    List<Integer> selected =
        IntStream.range(0, names.size())
            .boxed()
            .sorted(Comparator.comparingDouble(h -> -average.get(h).mean()))
            .limit(options.heads)
            .toList();
    List<Result> results = new ArrayList<>();
    for (int t = 0; t < splits.size(); t++) {
      Means mixed = Means.of(lens, hooks, splits.get(t).prompts(lens, options, true));
      results.add(result(lens, splits.get(t), options, clean.get(t), mixed, selected));
    }
    return new FunctionVectors(names, average, selected, results);
  }

  /** The pairs of prompts, and the queries of accuracies. */
  private record Split(Task train, List<Pair> test) {
    static Split of(Task task, Options options) {
      Task order = task.shuffled(options.seed);
      int tested = order.pairs().size() / 3;
      int rest = order.pairs().size() - tested;
      Preconditions.require(
          tested >= 1 && rest > options.shots,
          "pairs of task " + task.name(),
          order.pairs().size(),
          "must be at least "
              + ((options.shots + 1) * 3 + 1) / 2
              + " for "
              + options.shots
              + " demonstrations");
      return new Split(
          new Task(task.name(), order.pairs().subList(0, rest)),
          order.pairs().subList(rest, order.pairs().size()));
    }

    List<Prompt> prompts(Lens lens, Options options, boolean mixed) {
      long seed = options.seed + (mixed ? 2 : 1);
      return train.prompts(lens.model(), options.prompts, options.shots, mixed, seed);
    }
  }

  private static List<Float> list(float[] values) {
    return IntStream.range(0, values.length).mapToObj(j -> values[j]).toList();
  }

  /** Mean activations at the last token of prompts. */
  private static final class Means {
    /** [layers][H · d_h]. */
    private final float[][] z;

    /** [heads][d]: what each head adds to the residual stream. */
    private final float[][] written;

    /** [layers][d]: the outputs of the layers. */
    private final float[][] stream;

    Means(float[][] z, float[][] written, float[][] stream) {
      this.z = z;
      this.written = written;
      this.stream = stream;
    }

    static Means of(Lens lens, HookMap hooks, List<Prompt> prompts) {
      int layers = lens.model().architecture().layers();
      RowMean[] z = means(layers);
      RowMean[] stream = means(layers);
      List<RowMean> written = new ArrayList<>();
      String names = "*.attn.hook_z,*.attn.hook_result,blocks.*.hook_resid_post";
      for (Prompt prompt : prompts) {
        int n = prompt.tokens().length;
        Capture last = Capture.of(names).positions(n - 1, n);
        try (ActivationCache cache = lens.run(prompt.tokens(), last)) {
          int head = 0;
          for (int l = 0; l < layers; l++) {
            z[l].add(cache.get(HookSite.Z, l).row(0));
            stream[l].add(cache.get(HookSite.RESID_POST, l).row(0));
            for (float[] output : HeadOutputs.of(hooks, cache, l, 0)) {
              if (head == written.size()) {
                written.add(new RowMean());
              }
              written.get(head++).add(output);
            }
          }
        }
      }
      return new Means(
          means(z), written.stream().map(RowMean::mean).toArray(float[][]::new), means(stream));
    }

    private static RowMean[] means(int n) {
      var means = new RowMean[n];
      Arrays.setAll(means, i -> new RowMean());
      return means;
    }

    private static float[][] means(RowMean[] means) {
      return Arrays.stream(means).map(RowMean::mean).toArray(float[][]::new);
    }

    /** Returns the sum of what heads write. */
    float[] sum(List<Integer> heads) {
      var sum = new float[written[0].length];
      heads.forEach(head -> Vectors.add(sum, written[head]));
      return sum;
    }
  }

  /** Returns the indirect effect of each head in a prompt. */
  private static double[] effects(Lens lens, Means means, Prompt prompt, Metric metric) {
    HookMap hooks = HookMap.of(lens.model());
    int last = prompt.tokens().length - 1;
    List<List<Intervention>> variants = new ArrayList<>();
    for (int l = 0; l < means.z.length; l++) {
      int width = means.z[l].length / hooks.heads(l);
      for (int h = 0; h < hooks.heads(l); h++) {
        float[] mean = Arrays.copyOfRange(means.z[l], h * width, (h + 1) * width);
        var point = new HookPoint(HookSite.Z, l);
        variants.add(List.of(Intervention.set(point, mean).head(h).position(last)));
      }
    }
    variants.add(List.of());
    List<Double> values = Sweep.run(lens, prompt.tokens(), List.of(), variants, metric);
    double base = values.getLast();
    return values.stream().limit(values.size() - 1L).mapToDouble(p -> p - base).toArray();
  }

  private static Result result(
      Lens lens, Split split, Options options, Means clean, Means mixed, List<Integer> heads) {
    int layers = lens.model().architecture().layers();
    float[] vector = clean.sum(heads);
    float[] control = mixed.sum(heads);
    int n = split.test.size();
    var demonstrated = new double[n];
    var exchanged = new double[n];
    var alone = new double[n];
    List<double[]> rows = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      Pair query = split.test.get(i);
      long seed = options.seed + i;
      demonstrated[i] =
          right(lens, split.train.prompt(lens.model(), query, options.shots, false, seed));
      exchanged[i] =
          right(lens, split.train.prompt(lens.model(), query, options.shots, true, seed));
      Prompt prompt = split.train.prompt(lens.model(), query, 0, false, seed);
      int last = prompt.tokens().length - 1;
      List<List<Intervention>> variants = new ArrayList<>();
      for (int l = 0; l < layers; l++) {
        var point = new HookPoint(HookSite.RESID_POST, l);
        variants.add(List.of(Intervention.add(point, 1, vector).position(last)));
        variants.add(List.of(Intervention.add(point, 1, control).position(last)));
        variants.add(List.of(Intervention.set(point, clean.stream[l]).position(last)));
      }
      variants.add(List.of());
      List<Double> values =
          Sweep.run(lens, prompt.tokens(), List.of(), variants, correct(prompt.answer()));
      alone[i] = values.getLast();
      rows.add(values.stream().mapToDouble(Double::doubleValue).toArray());
    }
    return new Result(
        split.train.name(),
        list(vector),
        Estimate.of(demonstrated),
        Estimate.of(exchanged),
        Estimate.of(alone),
        columns(rows, layers, 0),
        columns(rows, layers, 1),
        columns(rows, layers, 2));
  }

  private static List<Estimate> columns(List<double[]> rows, int layers, int kind) {
    return IntStream.range(0, layers)
        .mapToObj(l -> Estimate.of(rows.stream().mapToDouble(row -> row[3 * l + kind]).toArray()))
        .toList();
  }

  /** Returns 1 if the most likely token is right, else 0. */
  private static Metric correct(int answer) {
    return logits -> Vectors.argmax(logits) == answer ? 1 : 0;
  }

  private static double right(Lens lens, Prompt prompt) {
    return correct(prompt.answer()).of(lens, prompt.tokens());
  }
}
