package dev.vidrio.langchain4j.spi;

import dev.vidrio.langchain4j.VidrioEmbeddingModel;
import java.util.function.Supplier;

/**
 * Creates the builders that {@link VidrioEmbeddingModel#builder} returns. Loaded by {@code
 * ServiceLoader}.
 */
public interface VidrioEmbeddingModelBuilderFactory
    extends Supplier<VidrioEmbeddingModel.Builder> {}
