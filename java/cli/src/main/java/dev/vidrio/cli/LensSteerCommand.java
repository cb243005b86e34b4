package dev.vidrio.cli;

import dev.vidrio.lens.Capture;
import dev.vidrio.lens.HookPoint;
import dev.vidrio.lens.HookSite;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.LensSession;
import dev.vidrio.lens.SteeringVector;
import dev.vidrio.model.Generator;
import dev.vidrio.model.Model;
import dev.vidrio.model.SessionOptions;
import dev.vidrio.model.sampling.Sampler;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.model.tokenizer.EncodeOptions;
import dev.vidrio.model.tokenizer.TokenDecoder;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio lens steer}. */
@Command(
    name = "steer",
    description = {
      "Steering: continues a text while a direction is added to the residual stream.",
      "The direction is the mean of what the layer has after some texts less that after others."
    })
final class LensSteerCommand implements Callable<Integer> {
  @Mixin private ModelOption model = new ModelOption();
  @Mixin private TextInput input = new TextInput();
  @Mixin private SamplingOption sampling = new SamplingOption();

  @Option(
      names = "--plus",
      paramLabel = "TEXT",
      required = true,
      description = "A text that has what is wanted; may be repeated.")
  private List<String> plus = new ArrayList<>();

  @Option(
      names = "--minus",
      paramLabel = "TEXT",
      required = true,
      description = "A text that has not; may be repeated.")
  private List<String> minus = new ArrayList<>();

  @Option(
      names = "--layer",
      paramLabel = "L",
      required = true,
      description = "After which block; -1 is the last.")
  private int layer;

  @Option(
      names = "--strength",
      paramLabel = "S",
      defaultValue = "1",
      description = "Times the direction; 0 changes nothing. Default: ${DEFAULT-VALUE}.")
  private float strength;

  @Option(
      names = {"-n", "--tokens"},
      paramLabel = "N",
      defaultValue = "64",
      description = "Generate at most N tokens. Default: ${DEFAULT-VALUE}.")
  private int tokens;

  @Option(names = "--json", description = "Print ids, text and the direction's length.")
  private boolean json;

  LensSteerCommand() {}

  @Override
  public Integer call() {
    try (Model opened = model.open()) {
      int[] prompt = input.requiredIds(opened);
      Lens lens = Lens.of(opened);
      var point = new HookPoint(HookSite.RESID_POST, LayerNumber.of(opened, layer));
      var vector = SteeringVector.of(lens, point, encode(opened, plus), encode(opened, minus));
      List<Integer> ids = generate(lens, vector, prompt);
      if (json) {
        Json.print(contents(opened, vector, prompt, ids));
      }
    }
    return 0;
  }

  private static List<int[]> encode(Model opened, List<String> texts) {
    return texts.stream()
        .map(text -> opened.tokenizer().encode(text, EncodeOptions.DEFAULT))
        .toList();
  }

  /** Continues the prompt, and prints the text as it comes where no JSON is asked for. */
  private List<Integer> generate(Lens lens, SteeringVector vector, int[] prompt) {
    Model opened = lens.model();
    long wanted = Math.max(1, (long) prompt.length + tokens);
    int context = (int) Math.min(opened.architecture().contextLength(), wanted);
    var room = SessionOptions.DEFAULT.withContext(context);
    SamplingOptions options = sampling.toOptions();
    var sampler = new Sampler(options, opened.architecture().vocabulary());
    TokenDecoder decoder = opened.tokenizer().streamingDecoder(true);
    List<Integer> ids = new ArrayList<>();
    try (LensSession session = lens.open(Capture.NONE, room, vector.point().name())) {
      session.edits(List.of(vector.edit(strength)));
      var generator = new Generator(opened, session, sampler, new Generator.Limit(tokens, false));
      generator.prompt(session.newSequence(), prompt);
      while (generator.hasNext() && !System.out.checkError()) {
        ids.add(generator.nextInt());
        print(decoder.accept(ids.getLast()));
      }
    }
    print(decoder.finish() + System.lineSeparator());
    return ids;
  }

  private void print(String piece) {
    if (!json) {
      System.out.print(piece);
    }
  }

  private Map<String, Object> contents(
      Model opened, SteeringVector vector, int[] prompt, List<Integer> ids) {
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("model", opened.name());
    result.put("hook", vector.point().name());
    result.put("norm", vector.norm());
    result.put("strength", strength);
    result.put("prompt_ids", prompt);
    result.put("ids", ids);
    result.put(
        "text", opened.tokenizer().decode(ids.stream().mapToInt(Integer::intValue).toArray()));
    return result;
  }
}
