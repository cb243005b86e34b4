package dev.vidrio.langchain4j;

import dev.langchain4j.exception.InternalServerException;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.NonRetriableException;
import dev.langchain4j.exception.RateLimitException;
import dev.vidrio.engine.EngineException;
import dev.vidrio.error.InvalidInputException;

/** Maps Vidrio's exceptions to LangChain4j's, which tell whether a retry may succeed. */
final class ExceptionMapper {
  private ExceptionMapper() {}

  static RuntimeException map(RuntimeException e) {
    return switch (e) {
      case InvalidInputException input -> new InvalidRequestException(input);
      case EngineException.QueueFull full -> new RateLimitException(full);
      case EngineException.Closed closed -> new NonRetriableException(closed);
      case EngineException.StepFailed failed -> new InternalServerException(failed);
      default -> e;
    };
  }
}
