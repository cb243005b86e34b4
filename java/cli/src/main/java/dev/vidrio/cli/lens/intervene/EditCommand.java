package dev.vidrio.cli.lens.intervene;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.lens.edit.EditOption;
import dev.vidrio.cli.lens.option.LensCompletion;
import dev.vidrio.cli.lens.option.TokenText;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.cli.option.SamplingOption;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.kernel.hook.HookPoint;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.model.Model;
import dev.vidrio.model.evaluation.Divergence;
import dev.vidrio.model.sampling.LogProbability;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code vidrio lens edit}. */
@Command(
    name = "edit",
    description = {
      "Changes activations and compares the prediction of the next token.",
      "One line per token: its probability in percent without and with the edits. With -n,"
          + " prints both continuations."
    })
public final class EditCommand implements Callable<Integer> {
  @Mixin private ModelOption model = new ModelOption();
  @Mixin private TextInput input = new TextInput();
  @Mixin private EditOption edits = new EditOption();
  @Mixin private SamplingOption sampling = new SamplingOption();

  @Option(
      names = {"-n", "--tokens"},
      paramLabel = "N",
      description = "Also generate at most N tokens. Default: ${DEFAULT-VALUE}.")
  private int tokens;

  @Option(
      names = "--top",
      paramLabel = "K",
      description =
          "Tokens to print, those most likely before or after. Default: ${DEFAULT-VALUE}.")
  private int top = 8;

  @Option(names = "--json", description = "Print JSON.")
  private boolean json;

  @Spec private CommandSpec command = CommandSpec.create();

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
  private record Outcome(Prediction prediction, List<Integer> ids, String text) {}

  @Override
  public Integer call() {
    if (!edits.isPresent()) {
      throw new ParameterException(command.commandLine(), "Missing required option: '--edit=EDIT'");
    }
    try (Model opened = model.open()) {
      int[] prompt = input.requiredIds(opened);
      Lens lens = Lens.of(opened);
      List<Intervention> asked = edits.of(lens, prompt);
      Outcome before = outcome(lens, prompt, asked, List.of());
      Outcome after = outcome(lens, prompt, asked, asked);
      if (json) {
        Json.print(contents(opened, prompt, before, after));
      } else {
        print(opened, before, after);
      }
    }
    return 0;
  }

  /**
   * Runs the prompt.
   *
   * @param asked the edits of the command
   * @param applied the edits of this run: all or none
   */
  private Outcome outcome(
      Lens lens, int[] prompt, List<Intervention> asked, List<Intervention> applied) {
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

  /** Returns the most likely tokens, by the larger of both probabilities. */
  private List<Integer> shown(Prediction before, Prediction after) {
    return IntStream.range(0, before.vocabulary())
        .boxed()
        .sorted(
            Comparator.comparingDouble(
                w -> -Math.max(before.logProbability(w), after.logProbability(w))))
        .limit(Math.max(0, top))
        .toList();
  }

  private void print(Model opened, Outcome before, Outcome after) {
    System.out.printf("%-20s %8s %8s%n", "next token", "before %", "after %");
    for (int token : shown(before.prediction, after.prediction)) {
      System.out.printf(
          "%s %8.2f %8.2f%n",
          TokenText.column(opened, token, 20),
          100 * before.prediction.probability(token),
          100 * after.prediction.probability(token));
    }
    System.out.printf(
        "KL divergence from before: %.3f bits%n", before.prediction.divergence(after.prediction));
    if (tokens > 0) {
      System.out.println("before:" + before.text);
      System.out.println("after:" + after.text);
    }
    Hint.print("'-n N' generates both continuations; docs/lens/edits.md lists the operations.");
  }

  private Map<String, Object> contents(Model opened, int[] prompt, Outcome before, Outcome after) {
    List<Map<String, Object>> rows = new ArrayList<>();
    for (int token : shown(before.prediction, after.prediction)) {
      Map<String, Object> row = new LinkedHashMap<>();
      row.put("id", token);
      row.put("piece", opened.tokenizer().piece(token));
      row.put("before", before.prediction.probability(token));
      row.put("after", after.prediction.probability(token));
      rows.add(row);
    }
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", opened.name());
    result.put("tokens", prompt);
    result.put("edits", edits.texts());
    result.put("next", rows);
    result.put("kl_bits", before.prediction.divergence(after.prediction));
    if (tokens > 0) {
      result.put("before", Map.of("ids", before.ids, "text", before.text));
      result.put("after", Map.of("ids", after.ids, "text", after.text));
    }
    return result;
  }
}
