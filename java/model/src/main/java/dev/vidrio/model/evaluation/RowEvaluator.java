package dev.vidrio.model.evaluation;

import dev.vidrio.kernel.Plan;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleConsumer;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Runs many sequences, several per step, and delivers rows of a plan's output. Memory is bounded: a
 * row is valid during its step, and the cache of a sequence is released after its last token.
 * Tokens that all inputs begin with run once, such as the instructions of a reranker.
 */
final class RowEvaluator {
  /** Maximum tokens of a step. */
  private static final int BATCH = 512;

  /** Maximum size of the rows of a step, in bytes. */
  private static final long ROW_BYTES = 64L << 20;

  private static final int MAX_SEQUENCES = 16;

  /** The minimum length of a common beginning that runs once. */
  private static final int MIN_SHARED = 16;

  private RowEvaluator() {}

  /** A sequence to run. */
  static final class Input {
    private final int[] tokens;
    private final int first;

    /**
     * Creates an input.
     *
     * @param tokens the token ids, which must not change
     * @param first position of the first token with a delivered row; all later rows follow
     */
    Input(int[] tokens, int first) {
      this.tokens = tokens;
      this.first = first;
    }

    /** Returns the number of tokens before the first delivered row that equal another input's. */
    private int sharedWith(Input other) {
      int limit = Math.min(first, other.first);
      int differs = Arrays.mismatch(tokens, 0, limit, other.tokens, 0, limit);
      return differs < 0 ? limit : differs;
    }

    /** Returns the number of rows to deliver. */
    int rows() {
      return tokens.length - first;
    }
  }

  /**
   * The output to deliver.
   *
   * @param part derives the plan to run from that of the model
   * @param width the number of values of a row
   * @param inOrder if true, rows are delivered one after the other, by ascending position;
   *     otherwise concurrently on several threads
   */
  record Output(UnaryOperator<Plan> part, int width, boolean inOrder) {}

  /** Receives rows. */
  @FunctionalInterface
  interface RowConsumer {
    /**
     * Receives a row.
     *
     * @param input index of the sequence
     * @param position position of the token that the row belongs to
     * @param row f32 values, valid during the call
     */
    void accept(int input, int position, MemorySegment row);
  }

  /** The input and position of a row of the step. */
  private record RowSource(int input, int position) {}

  /** Returns the logits as output, delivered concurrently. */
  static Output logits(Model model) {
    model.loaded().requireDecoder();
    return new Output(UnaryOperator.identity(), model.architecture().vocabulary(), false);
  }

  /**
   * Runs all inputs. Each input uses the plan for its own length, so that its rows do not depend on
   * other inputs.
   *
   * @param options the modes of the session; sizes are ignored
   * @param progress receives the fraction done
   */
  static void run(
      Model model,
      Output output,
      List<Input> inputs,
      SessionOptions options,
      RowConsumer consumer,
      DoubleConsumer progress) {
    Map<Boolean, List<Integer>> byPlan =
        IntStream.range(0, inputs.size())
            .boxed()
            .collect(
                Collectors.partitioningBy(
                    i -> model.architecture().isLong(inputs.get(i).tokens.length)));
    int done = 0;
    for (List<Integer> group : byPlan.values()) {
      int before = done;
      runGroup(
          model,
          output,
          group.stream().map(inputs::get).toList(),
          options,
          (i, position, row) -> consumer.accept(group.get(i), position, row),
          part -> progress.accept((before + part * group.size()) / inputs.size()));
      done += group.size();
    }
  }

  private static void runGroup(
      Model model,
      Output output,
      List<Input> inputs,
      SessionOptions computing,
      RowConsumer consumer,
      DoubleConsumer progress) {
    int longest = inputs.stream().mapToInt(input -> input.tokens.length).max().orElse(0);
    if (longest == 0) {
      return;
    }
    Plan plan = output.part().apply(model.architecture().plan(longest));
    long rows = Math.clamp(ROW_BYTES / (output.width() * (long) Float.BYTES), 1, BATCH);
    int sequences = Math.clamp(2L * BATCH / longest, 1, MAX_SEQUENCES);
    int shared = shared(inputs);
    var options =
        new SessionOptions(longest, BATCH, sequences + (shared > 0 ? 1 : 0), (int) rows)
            .withKvType(computing.kvType())
            .withArithmetic(computing.arithmetic())
            .withAdaptation(computing.adaptation());
    try (Session session = model.newSession(options, plan)) {
      new Run(session, inputs, shared, consumer, output.inOrder()).run(progress);
    }
  }

  /**
   * Returns the number of tokens that all inputs have in common before their first rows, if running
   * them once saves work.
   */
  private static int shared(List<Input> inputs) {
    Input first = inputs.getFirst();
    int shared = inputs.stream().mapToInt(first::sharedWith).min().orElse(0);
    return inputs.size() > 1 && shared >= MIN_SHARED ? shared : 0;
  }

  /** One pass over the inputs, in order. */
  private static final class Run {
    private final Session session;
    private final List<Input> inputs;
    private final RowConsumer consumer;
    private final boolean inOrder;
    private final int shared;
    private final Sequence beginning;
    private final List<RowSource> sources = new ArrayList<>();
    private final List<Sequence> ended = new ArrayList<>();
    private Sequence sequence;
    private int input;
    private int position;

    Run(Session session, List<Input> inputs, int shared, RowConsumer consumer, boolean inOrder) {
      this.session = session;
      this.inputs = inputs;
      this.shared = shared;
      this.consumer = consumer;
      this.inOrder = inOrder;
      this.beginning = session.newSequence();
      this.sequence = beginning;
    }

    void run(DoubleConsumer progress) {
      runBeginning();
      next();
      while (input < inputs.size()) {
        session.begin();
        fill();
        session.run();
        var indices = IntStream.range(0, sources.size());
        (inOrder ? indices : indices.parallel()).forEach(this::take);
        sources.clear();
        ended.forEach(Sequence::close);
        ended.clear();
        progress.accept((double) input / inputs.size());
      }
    }

    /** Runs the tokens that all inputs have in common. */
    private void runBeginning() {
      int[] tokens = inputs.getFirst().tokens;
      for (int done = 0; done < shared; ) {
        session.begin();
        int end = Math.min(shared, done + session.limits().tokens());
        for (; done < end; done++) {
          session.add(beginning, tokens[done], false);
        }
        session.run();
      }
    }

    /** Begins the next input after the common tokens. */
    private void next() {
      sequence = beginning.fork();
      position = shared;
    }

    private void take(int row) {
      RowSource source = sources.get(row);
      consumer.accept(source.input(), source.position(), session.logits(row));
    }

    /** Fills a step with the next tokens. */
    private void fill() {
      int tokens = 0;
      int sequences = 0;
      while (input < inputs.size() && sequences < session.limits().sequences()) {
        Input current = inputs.get(input);
        for (; position < current.tokens.length; position++) {
          boolean wanted = position >= current.first;
          if (tokens == session.limits().tokens()
              || (wanted && sources.size() == session.limits().logits())) {
            return;
          }
          session.add(sequence, current.tokens[position], wanted);
          tokens++;
          if (wanted) {
            sources.add(new RowSource(input, position));
          }
        }
        sequences++;
        ended.add(sequence);
        input++;
        next();
      }
    }
  }
}
