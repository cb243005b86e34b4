package dev.vidrio.model.architecture.catalog;

import dev.vidrio.kernel.PlanBuilder;
import dev.vidrio.kernel.hook.HookSite;
import dev.vidrio.kernel.op.Buffer;
import dev.vidrio.kernel.op.Op.ActivationKind;
import dev.vidrio.kernel.op.Op.NormKind;
import dev.vidrio.kernel.weight.Weights;
import dev.vidrio.model.block.Hyperparameters;
import dev.vidrio.model.block.Layer;
import dev.vidrio.model.block.Transformer;
import dev.vidrio.model.block.WeightLoader;
import java.util.ArrayList;
import java.util.List;

/**
 * Alternating updates (AltUp, arXiv 2301.13310): several residual streams. Each layer computes the
 * first, the active one. Before a layer, all streams are predicted as mixtures of them; after it,
 * predictions are corrected by the difference between the layer's output and its prediction, with
 * weights that depend on the active stream.
 */
final class AltUp {
  private static final int MAX_STREAMS = 16;

  private final Transformer model;
  private final WeightLoader weights;
  private final PlanBuilder plan;
  private final int count;

  AltUp(Hyperparameters params, Transformer model) {
    this.model = model;
    this.weights = model.weights();
    this.plan = model.plan();
    this.count = params.intValue("altup.num_inputs", 2, MAX_STREAMS);
    params.intValue("altup.active_idx", 0, 0, 0);
  }

  /** Writes the streams before the first layer: the embedding, and projections of its magnitude. */
  List<Buffer> begin(Buffer embedding) {
    Buffer magnitude = magnitude("streams.magnitude", embedding);
    List<Buffer> streams = new ArrayList<>(List.of(embedding));
    for (int i = 1; i < count; i++) {
      streams.add(projected("streams." + i, "altup_proj.weight", i, embedding, magnitude));
    }
    return streams;
  }

  /**
   * Writes the input of the final norm: the mean of the first stream and of projections of its
   * magnitude.
   */
  Buffer end(List<Buffer> streams) {
    Buffer magnitude = magnitude("streams.end.magnitude", streams.getFirst());
    Buffer sum = streams.getFirst();
    for (int i = 1; i < count; i++) {
      String name = "streams.end." + i;
      Buffer own = projected(name, "altup_unembd_proj.weight", i, streams.get(i), magnitude);
      sum = plan.add(name + ".sum", sum, own);
    }
    return plan.scale("streams.mean", 1f / count, sum);
  }

  private Buffer magnitude(String name, Buffer x) {
    return RootMeanSquare.of(plan, weights, name, NormKind.RMS, x).value();
  }

  private Buffer projected(String name, String tensor, int i, Buffer x, Buffer magnitude) {
    int d = x.width();
    Weights matrix = weights.matrixOf(tensor, i - 1, count - 1, d, d);
    Buffer product = plan.matMul(name + ".product", matrix, x);
    Buffer normalized =
        RootMeanSquare.normalized(plan, name + ".normalized", NormKind.RMS, product);
    return plan.scaleRows(name, magnitude, normalized);
  }

  /** Writes the predicted streams of a layer; the first one is the input of the layer. */
  List<Buffer> predict(Layer layer, List<Buffer> streams) {
    Buffer router = router(layer, "predict", streams.getFirst());
    List<Buffer> predictions = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      Buffer sum = streams.get(i);
      for (int j = 0; j < count; j++) {
        String name = layer.hook("altup.predict." + i + "." + j);
        Weights row = coefficients(layer, "altup_predict_coef.weight", i * count + j, count);
        Buffer factor = plan.matMul(name + ".factor", row, router);
        Buffer part = plan.scaleRows(name + ".part", factor, streams.get(j));
        boolean whole = i == 0 && j == count - 1;
        sum = plan.add(whole ? layer.hook(HookSite.RESID_PRE) : name, sum, part);
      }
      predictions.add(sum);
    }
    return predictions;
  }

  /**
   * Writes the corrected predictions.
   *
   * @param active output of the layer
   */
  List<Buffer> correct(Layer layer, List<Buffer> predictions, Buffer active) {
    Buffer router = router(layer, "correct", active);
    Buffer predicted =
        plan.scale(layer.hook("altup.correct.predicted"), -1, predictions.getFirst());
    Buffer innovation = plan.add(layer.hook("altup.correct.innovation"), active, predicted);
    Weights one = weights.constants(layer.hook("altup.correct.one"), new float[] {1});
    List<Buffer> corrected = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      String name = layer.hook("altup.correct." + i);
      Weights row = coefficients(layer, "altup_correct_coef.weight", i, 1);
      Buffer factor = plan.linear(name + ".factor", row, one, router);
      Buffer part = plan.scaleRows(name + ".part", factor, innovation);
      corrected.add(plan.add(name, predictions.get(i), part));
    }
    return corrected;
  }

  /**
   * Takes a row of coefficients.
   *
   * @param each coefficients per stream
   */
  private Weights coefficients(Layer layer, String tensor, int row, int each) {
    return weights.matrixPart(layer.tensor(tensor), row, 1, each * count, count);
  }

  /** Writes the weights of modalities of the active stream, [rows, streams], between −1 and 1. */
  private Buffer router(Layer layer, String step, Buffer active) {
    String name = "altup." + step + ".router";
    String hook = layer.hook(name);
    Buffer normalized = model.norm(hook + "_ln", layer.tensor("altup_router_norm"), active);
    Buffer scaled = plan.scale(hook + "_in", 1f / active.width(), normalized);
    Buffer logits = layer.linear(name + "_logits", "altup_router", count, scaled);
    return plan.activation(hook, ActivationKind.TANH, logits);
  }
}
