package dev.vidrio.lens.decode.sae.train;

import dev.vidrio.lens.Lens;
import dev.vidrio.model.Model;
import dev.vidrio.model.adapter.Adaptation;
import dev.vidrio.model.generation.ReceiptRecorder;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/**
 * The models of the activations of a training.
 *
 * @param names for errors
 * @param hashes of all weights and adapters
 */
public record TrainedModel(String names, String hashes) {
  /** Computes the hashes, a second per gigabyte unless it was done before. */
  public static TrainedModel of(List<Lens> lenses) {
    return new TrainedModel(
        lenses.stream().map(TrainedModel::name).collect(Collectors.joining(" and ")),
        lenses.stream().map(TrainedModel::hash).collect(Collectors.joining(",")));
  }

  private static String name(Lens lens) {
    Model model = lens.model();
    Path file = Path.of(model.name()).getFileName();
    return (file == null ? model.name() : file) + (lens.isAdapted() ? " with an adapter" : "");
  }

  private static String hash(Lens lens) {
    String ofModel = ReceiptRecorder.hash(lens.model().loaded()).hex();
    Adaptation adaptation = lens.adaptation();
    return adaptation == null
        ? ofModel
        : ofModel + "+" + adaptation.adapter().sha256() + "*" + adaptation.strength();
  }
}
