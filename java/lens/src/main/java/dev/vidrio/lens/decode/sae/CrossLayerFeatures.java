package dev.vidrio.lens.decode.sae;

import dev.vidrio.kernel.hook.HookPoint;
import java.util.List;
import java.util.stream.IntStream;

/** The features of a cross-layer transcoder that read one layer. Closing does not close it. */
record CrossLayerFeatures(CrossLayerTranscoder transcoder, int layer) implements FeatureDictionary {
  @Override
  public List<String> hooksIn() {
    return List.of(transcoder.input(layer).name());
  }

  @Override
  public List<String> hooksOut() {
    return IntStream.range(layer, transcoder.layers())
        .mapToObj(transcoder::output)
        .map(HookPoint::name)
        .toList();
  }

  @Override
  public int features() {
    return transcoder.features(layer);
  }

  @Override
  public List<Features> encode(float[][] rows) {
    return transcoder.encode(layer, rows);
  }

  @Override
  public float[] direction(int feature) {
    return transcoder.direction(layer, feature);
  }

  @Override
  public void close() {}
}
