package dev.vidrio.cli.lens.decode.sae;

import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.lens.option.ChunksOption;
import dev.vidrio.cli.option.JsonHelp;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.decode.sae.Autoencoder;
import dev.vidrio.lens.decode.sae.CrossLayerTranscoder;
import dev.vidrio.lens.decode.sae.FeatureDictionary;
import dev.vidrio.lens.decode.sae.SaeEvaluation;
import dev.vidrio.lens.decode.sae.cross.CrossEvaluation;
import dev.vidrio.lens.decode.sae.cross.Crosscoder;
import dev.vidrio.lens.decode.sae.file.DictionaryFile;
import dev.vidrio.model.Model;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code vidrio lens sae evaluate}. */
@Command(
    name = "evaluate",
    description = {
      "Measures how well and how sparsely the features reconstruct the activations of a text, and"
          + " what the model loses with the reconstruction.",
      "A cross-layer transcoder and a crosscoder are measured as a whole; --layer is not used."
    })
@JsonHelp("Print JSON, with the density of each feature of an autoencoder or transcoder.")
public final class EvaluateCommand extends ModelCommand<EvaluateCommand.Found> {
  @Mixin private ChunksOption chunks = new ChunksOption();
  @Mixin private SaeOption sae = new SaeOption();

  /** The measurements. */
  sealed interface Found {
    /** The measurements of autoencoders or transcoders. */
    record Single(List<One> all) implements Found {}

    /** The measurements of a dictionary of several layers. */
    record Cross(int features, CrossEvaluation evaluation) implements Found {}
  }

  /** The quality of an autoencoder or transcoder, and its hook points. */
  record One(String in, String out, int features, SaeEvaluation evaluation) {}

  @Override
  protected Found run(Model opened) {
    Lens lens = Lens.of(opened);
    try (DictionaryFile file = sae.choice().open(lens)) {
      List<int[]> texts = chunks.of(opened);
      return switch (file) {
        case DictionaryFile.Single _, DictionaryFile.Temporal _ ->
            single(lens, sae.choice().all(lens, file), texts);
        case DictionaryFile.CrossLayer(CrossLayerTranscoder transcoder) ->
            new Found.Cross(
                file.dictionaries().stream().mapToInt(FeatureDictionary::features).sum(),
                CrossEvaluation.of(lens, transcoder, texts));
        case DictionaryFile.Shared(Crosscoder crosscoder) ->
            new Found.Cross(crosscoder.features(), CrossEvaluation.of(lens, crosscoder, texts));
      };
    }
  }

  private static Found single(Lens lens, List<FeatureDictionary> chosen, List<int[]> texts) {
    List<One> all = new ArrayList<>();
    for (FeatureDictionary dictionary : chosen) {
      if (dictionary instanceof Autoencoder autoencoder) {
        all.add(
            new One(
                autoencoder.hooksIn().getFirst(),
                autoencoder.hooksOut().getFirst(),
                autoencoder.features(),
                SaeEvaluation.of(lens, autoencoder, texts)));
      }
    }
    return new Found.Single(all);
  }

  @Override
  protected void print(Found found) {
    switch (found) {
      case Found.Single(List<One> all) -> {
        for (One one : all) {
          if (all.size() > 1) {
            System.out.printf("%s to %s%n", one.in, one.out);
          }
          print(one);
        }
      }
      case Found.Cross cross -> print(cross);
    }
  }

  private static void print(One one) {
    SaeEvaluation evaluation = one.evaluation;
    System.out.printf(
        "%d tokens, %d features: %.1f active per token (L0), %d never active%n",
        evaluation.tokens(), one.features, evaluation.l0(), evaluation.dead());
    System.out.printf("unexplained variance (fraction)    %6.3f%n", evaluation.unexplained());
    System.out.printf("model loss (nats per token)        %6.3f%n", evaluation.loss());
    System.out.printf("loss with reconstructions          %6.3f%n", evaluation.splicedLoss());
    System.out.printf("loss with zeros                    %6.3f%n", evaluation.ablatedLoss());
    System.out.printf("loss recovered (fraction)          %6.3f%n", evaluation.lossRecovered());
  }

  private static void print(Found.Cross found) {
    CrossEvaluation evaluation = found.evaluation;
    System.out.printf(
        "%d tokens, %d features: %.1f active per token (L0), %d never active%n",
        evaluation.tokens(), found.features, evaluation.l0(), evaluation.dead());
    System.out.printf(
        "model loss (nats per token) %.3f; loss with this activation reconstructed, or zeros:%n",
        evaluation.loss());
    System.out.printf("%-28s%12s%15s%8s%n", "activation", "unexplained", "reconstructed", "zeros");
    for (CrossEvaluation.Output output : evaluation.outputs()) {
      System.out.printf(
          "%-28s%12.3f%15.3f%8.3f%n",
          output.hook(), output.unexplained(), output.splicedLoss(), output.ablatedLoss());
    }
    if (!Double.isNaN(evaluation.splicedLoss())) {
      System.out.printf(
          "%-28s%12s%15.3f%8.3f%n", "all", "", evaluation.splicedLoss(), evaluation.ablatedLoss());
    }
  }

  @Override
  protected void fill(JsonObject object, Found found) {
    switch (found) {
      case Found.Single(List<One> all) when all.size() == 1 -> fill(object, all.getFirst());
      case Found.Single(List<One> all) ->
          object.put(
              "dictionaries",
              all.stream()
                  .map(
                      one -> {
                        var each = new JsonObject();
                        fill(each, one);
                        return each;
                      })
                  .toList());
      case Found.Cross cross -> fill(object, cross);
    }
  }

  private static void fill(JsonObject object, One one) {
    SaeEvaluation evaluation = one.evaluation;
    object.put("hook", one.in);
    object.put("hook_out", one.out);
    object.put("tokens", evaluation.tokens());
    object.put("l0", evaluation.l0());
    object.put("unexplained", evaluation.unexplained());
    object.put("loss", evaluation.loss());
    object.put("loss_spliced", evaluation.splicedLoss());
    object.put("loss_ablated", evaluation.ablatedLoss());
    object.put("loss_recovered", Json.finite(evaluation.lossRecovered()));
    object.put("dead", evaluation.dead());
    object.put("density", evaluation.density());
  }

  private static void fill(JsonObject object, Found.Cross found) {
    CrossEvaluation evaluation = found.evaluation;
    object.put("tokens", evaluation.tokens());
    object.put("features", found.features);
    object.put("l0", evaluation.l0());
    object.put("loss", evaluation.loss());
    object.put("loss_spliced", Json.finite(evaluation.splicedLoss()));
    object.put("loss_ablated", Json.finite(evaluation.ablatedLoss()));
    object.put("dead", evaluation.dead());
    object.put(
        "outputs",
        evaluation.outputs().stream()
            .map(
                output ->
                    new JsonObject()
                        .with("hook", output.hook())
                        .with("unexplained", Json.finite(output.unexplained()))
                        .with("loss_spliced", output.splicedLoss())
                        .with("loss_ablated", output.ablatedLoss()))
            .toList());
  }
}
