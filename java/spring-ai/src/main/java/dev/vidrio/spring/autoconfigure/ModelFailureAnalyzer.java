package dev.vidrio.spring.autoconfigure;

import dev.vidrio.error.ModelException;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;

/** Says in a few lines why an application does not start, where a model or a property is wrong. */
final class ModelFailureAnalyzer extends AbstractFailureAnalyzer<ModelException> {
  ModelFailureAnalyzer() {}

  @Override
  protected FailureAnalysis analyze(Throwable root, ModelException cause) {
    return new FailureAnalysis(
        "Vidrio cannot run the model: " + cause.getMessage(),
        "Check the file that 'vidrio.model' names, and the other properties that begin with"
            + " 'vidrio.'.",
        cause);
  }
}
