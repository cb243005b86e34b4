package dev.vidrio.model.evaluation;

import dev.vidrio.kernel.Plan;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleConsumer;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Runs many sequences, as many to a step as there is room for, and hands out rows of a plan's
 * output. Memory is bounded: a row is gone with its step, and a sequence's cache with its last one.
 */
final class OutputRows {
  /** Tokens of a step. */
  private static final int BATCH = 512;

  /** Bytes of a step's rows. */
  private static final long ROW_BYTES = 64L << 20;

  private static final int MAX_SEQUENCES = 16;

  private OutputRows() {}

  /** A sequence to run. */
  static final class Input {
    private final int[] tokens;
    private final int first;

    /**
     * A sequence to run.
     *
     * @param tokens its token ids, which must not change
     * @param first position of the first token whose row is wanted; those of all later ones are too
     */
    Input(int[] tokens, int first) {
      this.tokens = tokens;
      this.first = first;
    }

    /** How many rows are wanted. */
    int rows() {
      return tokens.length - first;
    }
  }

  /**
   * What is wanted.
   *
   * @param part what of the model's plan to run
   * @param width the number of values of its rows
   * @param inOrder whether rows are handed out one after the other, by ascending position, rather
   *     than several at a time on any thread
   */
  record Output(UnaryOperator<Plan> part, int width, boolean inOrder) {}

  /** Takes rows. */
  @FunctionalInterface
  interface Taker {
    /**
     * Takes a row.
     *
     * @param input index of the sequence
     * @param position of the token after which the row stands
     * @param row f32 values, valid during the call
     */
    void take(int input, int position, MemorySegment row);
  }

  /** What a row of the step belongs to. */
  private record Place(int input, int position) {}

  /** The logits, several rows at a time. */
  static Output logits(Model model) {
    return new Output(UnaryOperator.identity(), model.architecture().vocabulary(), false);
  }

  /**
   * Runs all inputs; the progress is the fraction done. Each input has the plan of its own length,
   * so that its rows do not depend on the others. Of the options, those count that say how a
   * session computes, and none that say how much it has room for.
   */
  static void run(
      Model model,
      Output output,
      List<Input> inputs,
      SessionOptions options,
      Taker taker,
      DoubleConsumer progress) {
    Map<Boolean, List<Integer>> byPlan =
        IntStream.range(0, inputs.size())
            .boxed()
            .collect(Collectors.partitioningBy(i -> isLong(model, inputs.get(i))));
    int done = 0;
    for (List<Integer> group : byPlan.values()) {
      int before = done;
      runGroup(
          model,
          output,
          group.stream().map(inputs::get).toList(),
          options,
          (i, position, row) -> taker.take(group.get(i), position, row),
          part -> progress.accept((before + part * group.size()) / inputs.size()));
      done += group.size();
    }
  }

  private static boolean isLong(Model model, Input input) {
    var longContext = model.architecture().longContext();
    return longContext != null && input.tokens.length > longContext.above();
  }

  private static void runGroup(
      Model model,
      Output output,
      List<Input> inputs,
      SessionOptions computing,
      Taker taker,
      DoubleConsumer progress) {
    int longest = inputs.stream().mapToInt(input -> input.tokens.length).max().orElse(0);
    if (longest == 0) {
      return;
    }
    Plan plan = output.part().apply(model.architecture().plan(longest));
    long rows = Math.clamp(ROW_BYTES / (output.width() * (long) Float.BYTES), 1, BATCH);
    int sequences = Math.clamp(2L * BATCH / longest, 1, MAX_SEQUENCES);
    var options =
        new SessionOptions(longest, BATCH, sequences, (int) rows, computing.kvType())
            .withFast(computing.fast())
            .withAdaptation(computing.adaptation());
    try (Session session = model.newSession(options, plan)) {
      new Run(session, inputs, taker, output.inOrder()).run(progress);
    }
  }

  /** One pass over the inputs, in order. */
  private static final class Run {
    private final Session session;
    private final List<Input> inputs;
    private final Taker taker;
    private final boolean inOrder;
    private final List<Place> places = new ArrayList<>();
    private final List<Sequence> ended = new ArrayList<>();
    private Sequence sequence;
    private int input;
    private int position;

    Run(Session session, List<Input> inputs, Taker taker, boolean inOrder) {
      this.session = session;
      this.inputs = inputs;
      this.taker = taker;
      this.inOrder = inOrder;
      this.sequence = session.newSequence();
    }

    void run(DoubleConsumer progress) {
      while (input < inputs.size()) {
        session.begin();
        fill();
        session.run();
        var indices = IntStream.range(0, places.size());
        (inOrder ? indices : indices.parallel()).forEach(this::take);
        places.clear();
        ended.forEach(Sequence::close);
        ended.clear();
        progress.accept((double) input / inputs.size());
      }
    }

    private void take(int row) {
      Place place = places.get(row);
      taker.take(place.input(), place.position(), session.logits(row));
    }

    /** Fills a step with what comes next. */
    private void fill() {
      int tokens = 0;
      int sequences = 0;
      while (input < inputs.size() && sequences < session.limits().sequences()) {
        Input current = inputs.get(input);
        for (; position < current.tokens.length; position++) {
          boolean wanted = position >= current.first;
          if (tokens == session.limits().tokens()
              || (wanted && places.size() == session.limits().logits())) {
            return;
          }
          session.add(sequence, current.tokens[position], wanted);
          tokens++;
          if (wanted) {
            places.add(new Place(input, position));
          }
        }
        sequences++;
        ended.add(sequence);
        sequence = session.newSequence();
        input++;
        position = 0;
      }
    }
  }
}
