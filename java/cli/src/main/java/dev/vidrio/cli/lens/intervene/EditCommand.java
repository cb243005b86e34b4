package dev.vidrio.cli.lens.intervene;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.lens.option.Change;
import dev.vidrio.cli.lens.option.EditOption;
import dev.vidrio.cli.lens.option.LensCompletion;
import dev.vidrio.cli.lens.option.Measured;
import dev.vidrio.cli.lens.option.MetricOption;
import dev.vidrio.cli.lens.option.TargetOption;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.cli.option.SamplingOption;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.MetricKind;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.model.Model;
import dev.vidrio.model.evaluation.Divergence;
import dev.vidrio.model.sampling.LogProbability;
import java.lang.foreign.MemorySegment;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens edit}. */
@Command(
    name = "edit",
    description = {
      "Changes activations and compares the prediction of the next token.",
      "One line per token: its probability in percent without and with the edits. --metric, --token"
          + " or --versus also measures a number of both predictions; -n prints both continuations."
    })
public final class EditCommand extends ModelCommand<EditCommand.Found> {
  @Mixin private TextInput input = new TextInput();
  @Mixin private EditOption edits = new EditOption();
  @Mixin private TargetOption target = new TargetOption();
  @Mixin private MetricOption metric = new MetricOption();
  @Mixin private SamplingOption sampling = new SamplingOption();

  @Option(
      names = {"-n", "--tokens"},
      paramLabel = "N",
      description = "Also generate at most N tokens.")
  private int tokens;

  @Option(
      names = "--top",
      paramLabel = "K",
      description = "Tokens to print, those most likely before or after.")
  private int top = 8;

  private int[] prompt = new int[0];

  /** A next-token prediction: logits [V] f32. */
  private record Prediction(MemorySegment logits, double logSum) {
    static Prediction of(Lens lens, int[] text, List<Intervention> edits) {
      HookPoint point = HookPoint.of(HookSite.LOGITS);
      try (ActivationCache cache = lens.run(text, Capture.of(point.name()).last(1), edits)) {
        MemorySegment logits = MemorySegment.ofArray(cache.get(point).toArray());
        return new Prediction(logits, LogProbability.logSum(logits));
      }
    }

    double logProbability(int token) {
      return logits.getAtIndex(JAVA_FLOAT, token) - logSum;
    }

    double probability(int token) {
      return Math.exp(logProbability(token));
    }

    int vocabulary() {
      return Math.toIntExact(logits.byteSize() / Float.BYTES);
    }

    /** Returns KL(this ‖ other) in bits. */
    double divergence(Prediction other) {
      return Math.max(0, Divergence.divergence(logits, other.logits)) / Math.log(2);
    }
  }

  /** The prediction and the continuation of a run, with or without the edits. */
  private record Outcome(Prediction prediction, List<Integer> ids, String text) {
    JsonObject toJson() {
      return new JsonObject().with("ids", ids).with("text", text);
    }
  }

  /**
   * The outcomes without and with the edits.
   *
   * @param measured the metric, if one is given
   */
  record Found(Outcome before, Outcome after, @Nullable Change measured) {
    /** Returns the most likely tokens, by the larger of both probabilities. */
    List<Integer> likely(int count) {
      return IntStream.range(0, before.prediction.vocabulary())
          .boxed()
          .sorted(
              Comparator.comparingDouble(
                  w ->
                      -Math.max(
                          before.prediction.logProbability(w), after.prediction.logProbability(w))))
          .limit(Math.max(0, count))
          .toList();
    }

    double divergence() {
      return before.prediction.divergence(after.prediction);
    }
  }

  @Override
  protected void check() {
    if (!edits.isPresent()) {
      throw new UsageException("Missing required option: '--edit=EDIT'");
    }
  }

  @Override
  protected Found run(Model opened) {
    prompt = input.requiredIds(opened);
    Lens lens = Lens.of(opened);
    List<Intervention> asked = edits.of(lens, prompt);
    return new Found(outcome(lens, asked, List.of()), outcome(lens, asked, asked), change(lens));
  }

  private @Nullable Change change(Lens lens) {
    if (!metric.isGiven() && !target.isGiven()) {
      return null;
    }
    Measured measured = target.of(lens, prompt, metric, MetricKind.LOGPROB);
    int[] text = measured.text();
    return new Change(
        measured,
        measured.metric().of(lens, text),
        measured.metric().of(lens, text, edits.of(lens, text)));
  }

  /**
   * Runs the text.
   *
   * @param asked the edits of the command
   * @param applied the edits of this run: all or none
   */
  private Outcome outcome(Lens lens, List<Intervention> asked, List<Intervention> applied) {
    Prediction prediction = Prediction.of(lens, prompt, applied);
    if (tokens < 1) {
      return new Outcome(prediction, List.of(), "");
    }
    String points =
        asked.stream().map(edit -> edit.point().name()).distinct().collect(Collectors.joining(","));
    var text = new StringBuilder();
    List<Integer> ids =
        LensCompletion.run(
            lens,
            points,
            session -> session.edits(applied),
            prompt,
            tokens,
            sampling,
            text::append);
    return new Outcome(prediction, ids, text.toString().stripTrailing());
  }

  @Override
  protected void print(Found found) {
    System.out.printf("%-20s %8s %8s%n", "next token", "before %", "after %");
    for (int token : found.likely(top)) {
      System.out.printf(
          "%s %8.2f %8.2f%n",
          TokenText.column(model(), token, 20),
          100 * found.before.prediction.probability(token),
          100 * found.after.prediction.probability(token));
    }
    System.out.printf("KL divergence from before: %.3f bits%n", found.divergence());
    if (found.measured != null) {
      found.measured.print();
    }
    if (tokens > 0) {
      System.out.println("before:" + found.before.text);
      System.out.println("after:" + found.after.text);
    }
    Hint.print("'-n N' generates both continuations; docs/lens/edits.md lists the operations.");
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    List<JsonObject> rows =
        found.likely(top).stream()
            .map(
                token ->
                    TokenText.toJson(model(), token)
                        .with("before", found.before.prediction.probability(token))
                        .with("after", found.after.prediction.probability(token)))
            .toList();
    object.put("tokens", prompt);
    object.put("edits", edits.texts());
    object.put("next", rows);
    object.put("kl_bits", found.divergence());
    if (found.measured != null) {
      found.measured.fill(object);
    }
    if (tokens > 0) {
      object.put("before", found.before.toJson());
      object.put("after", found.after.toJson());
    }
  }
}
