package dev.vidrio.server.model;

import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.gguf.GgufTensor;
import java.util.Map;
import java.util.TreeMap;

/**
 * Describes the file of a model; valid after the model is closed.
 *
 * @param architecture the name of the architecture, such as {@code llama}
 * @param bytes the size of the file
 * @param parameters the number of weights
 * @param type the type of most weights, such as {@code Q4_K}
 */
public record ModelSummary(String architecture, long bytes, long parameters, String type) {

  static ModelSummary of(Gguf file) {
    long parameters = 0;
    Map<String, Long> types = new TreeMap<>();
    for (GgufTensor tensor : file.tensors()) {
      parameters += tensor.elements();
      types.merge(tensor.type().toString(), tensor.elements(), Long::sum);
    }
    String type =
        types.entrySet().stream()
            .max(Map.Entry.comparingByValue())
            .map(Map.Entry::getKey)
            .orElse("");
    String architecture = file.metadata().optionalString("general.architecture").orElse("");
    return new ModelSummary(architecture, file.size(), parameters, type);
  }
}
