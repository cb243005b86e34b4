package dev.vidrio.model.evaluation;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.formats.gguf.Metadata;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.op.Op;
import dev.vidrio.model.Model;
import dev.vidrio.model.huggingface.SentenceModules;
import dev.vidrio.model.session.SessionOptions;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.DoubleConsumer;

/**
 * Computes text embeddings [d]: the residual stream after the final norm, or the output of an
 * encoder, pooled over tokens. Dense layers that a model file has for its embeddings follow.
 */
public final class Embeddings {
  private Embeddings() {}

  /** Combines the vectors of all tokens into one. */
  public enum Pooling {
    /** The mean of all tokens. */
    MEAN,
    /** The last token, which attends to all others. */
    LAST,
    /** The first token, {@code [CLS]} of encoders. */
    FIRST,
    /** The maximum of each element over all tokens. */
    MAX
  }

  /** Returns the pooling that a model file names, by default the mean. */
  public static Pooling pooling(Model model) {
    return TextHead.embedding(model).pooling();
  }

  /** Returns whether a model file has vectors divided by their Euclidean length. */
  public static boolean normalizes(Model model) {
    return TextHead.embedding(model).normalize();
  }

  /**
   * Returns a text that a model file has for texts of a kind, such as {@code query}, to precede
   * them.
   *
   * @throws InvalidInputException if the file has no prompt of this name
   */
  public static String prompt(Model model, String name) {
    Map<String, String> prompts = prompts(model);
    String prompt = prompts.get(name);
    if (prompt == null) {
      String names = prompts.isEmpty() ? "none" : String.join(", ", prompts.keySet());
      throw new InvalidInputException("prompt", name, "not found; available: " + names);
    }
    return prompt;
  }

  /** Returns the texts of {@link #prompt} by name, in the order of the file. */
  public static Map<String, String> prompts(Model model) {
    Metadata metadata = model.gguf().metadata();
    Map<String, String> prompts = new LinkedHashMap<>();
    if (metadata.contains(SentenceModules.PROMPT_NAMES)) {
      List<String> texts = metadata.strings(SentenceModules.PROMPTS);
      metadata
          .strings(SentenceModules.PROMPT_NAMES)
          .forEach(name -> prompts.put(name, texts.get(prompts.size())));
    }
    return prompts;
  }

  /** Returns the number of elements of an embedding. */
  public static int width(Model model) {
    return TextHead.embedding(model).width();
  }

  /**
   * Checks the lengths of texts.
   *
   * @param texts the token ids of each text
   * @throws InvalidInputException if a text has no tokens or exceeds the model's context length
   */
  public static void requireLengths(Model model, List<int[]> texts) {
    int limit = model.architecture().contextLength();
    for (int i = 0; i < texts.size(); i++) {
      int n = texts.get(i).length;
      if (n == 0 || n > limit) {
        throw new InvalidInputException(
            "text " + i, n + " tokens", "must have 1 to " + limit + " tokens");
      }
    }
  }

  /**
   * Embeds texts, several per step.
   *
   * @param texts the token ids of each text, including BOS if the model expects it
   * @param normalize if true, vectors are divided by their Euclidean length
   * @param progress receives the fraction done
   * @return a vector [d] for each text
   * @throws InvalidInputException if a text has no tokens or exceeds the model's context length
   */
  public static List<float[]> of(
      Model model, List<int[]> texts, Pooling pooling, boolean normalize, DoubleConsumer progress) {
    return of(model, texts, pooling, normalize, SessionOptions.DEFAULT, progress);
  }

  /**
   * Embeds texts with session options.
   *
   * @param options the adapter, the element type of the cache and the arithmetic; sizes are ignored
   */
  public static List<float[]> of(
      Model model,
      List<int[]> texts,
      Pooling pooling,
      boolean normalize,
      SessionOptions options,
      DoubleConsumer progress) {
    if (model.architecture().isEncoder()) {
      try (var encoder = new TextEncoder(model, options)) {
        return of(encoder, model, texts, pooling, normalize, progress);
      }
    }
    requireLengths(model, texts);
    List<RowEvaluator.Input> inputs = new ArrayList<>();
    for (int i = 0; i < texts.size(); i++) {
      int n = texts.get(i).length;
      inputs.add(new RowEvaluator.Input(texts.get(i), pooling == Pooling.LAST ? n - 1 : 0));
    }
    int width = model.architecture().width();
    double[][] sums = new double[texts.size()][width];
    RowEvaluator.run(
        model,
        new RowEvaluator.Output(Embeddings::hidden, width, true),
        inputs,
        options,
        (i, position, row) -> add(pooling, sums[i], position, row),
        progress);
    TextHead head = TextHead.embedding(model);
    List<float[]> embeddings = new ArrayList<>();
    for (int i = 0; i < sums.length; i++) {
      int count = pooling == Pooling.MEAN ? inputs.get(i).rows() : 1;
      embeddings.add(
          head.isEmpty()
              ? scaled(sums[i], normalize ? length(sums[i]) : count)
              : finished(head, scaled(sums[i], count), normalize));
    }
    return embeddings;
  }

  /**
   * Embeds texts with an encoder that reuses its memory across calls.
   *
   * @param encoder an encoder of the model
   */
  public static List<float[]> of(
      TextEncoder encoder,
      Model model,
      List<int[]> texts,
      Pooling pooling,
      boolean normalize,
      DoubleConsumer progress) {
    TextHead head = TextHead.embedding(model);
    return encoder.pooled(texts, null, pooling, progress).stream()
        .map(vector -> finished(head, vector, normalize))
        .toList();
  }

  private static float[] finished(TextHead head, float[] pooled, boolean normalize) {
    float[] vector = head.apply(pooled);
    return normalize ? normalized(vector) : vector;
  }

  /** Returns a vector divided by its Euclidean length, if that is not 0. */
  static float[] normalized(float[] vector) {
    var wide = new double[vector.length];
    for (int i = 0; i < wide.length; i++) {
      wide[i] = vector[i];
    }
    return scaled(wide, length(wide));
  }

  /** Returns the plan up to the final norm, with its values as the output. */
  private static Plan hidden(Plan plan) {
    List<Op> ops = plan.ops();
    for (int last = ops.size() - 1; last >= 0; last--) {
      if (ops.get(last) instanceof Op.Norm norm) {
        return new Plan(ops.subList(0, last + 1), plan.kv(), Set.of(norm.y()));
      }
    }
    throw new IllegalStateException("the plan has no final norm");
  }

  /** Returns the vectors [n][d] of a text's tokens, which pooling combines. */
  static float[][] tokens(Model model, int[] ids) {
    if (model.architecture().isEncoder()) {
      try (var encoder = new TextEncoder(model, SessionOptions.DEFAULT)) {
        return encoder.hidden(ids);
      }
    }
    requireLengths(model, List.of(ids));
    var rows = new float[ids.length][];
    RowEvaluator.run(
        model,
        new RowEvaluator.Output(Embeddings::hidden, model.architecture().width(), true),
        List.of(new RowEvaluator.Input(ids, 0)),
        SessionOptions.DEFAULT,
        (i, position, row) -> rows[position] = row.toArray(JAVA_FLOAT),
        done -> {});
    return rows;
  }

  private static void add(Pooling pooling, double[] pooled, int position, MemorySegment row) {
    for (int i = 0; i < pooled.length; i++) {
      float value = row.getAtIndex(JAVA_FLOAT, i);
      pooled[i] =
          switch (pooling) {
            case MEAN, LAST -> pooled[i] + value;
            case FIRST -> position == 0 ? value : pooled[i];
            case MAX -> position == 0 ? value : Math.max(pooled[i], value);
          };
    }
  }

  private static double length(double[] vector) {
    double sum = 0;
    for (double value : vector) {
      sum += value * value;
    }
    return Math.sqrt(sum);
  }

  private static float[] scaled(double[] vector, double divisor) {
    var result = new float[vector.length];
    for (int i = 0; i < result.length; i++) {
      result[i] = (float) (divisor == 0 ? vector[i] : vector[i] / divisor);
    }
    return result;
  }
}
