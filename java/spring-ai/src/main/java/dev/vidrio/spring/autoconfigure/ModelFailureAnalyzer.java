package dev.vidrio.spring.autoconfigure;

import dev.vidrio.error.ModelException;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

/** Explains start failures that a model or a property has caused. */
final class ModelFailureAnalyzer extends AbstractFailureAnalyzer<ModelException> {
  ModelFailureAnalyzer() {}

  @Override
  protected FailureAnalysis analyze(Throwable root, ModelException cause) {
    return new FailureAnalysis(
        "Vidrio cannot run the model: " + cause.getMessage(),
        "Check the file of 'vidrio.model' and the other properties under 'vidrio.'.",
        cause);
  }
}
