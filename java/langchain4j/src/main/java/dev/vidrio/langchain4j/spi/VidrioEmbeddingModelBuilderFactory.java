package dev.vidrio.langchain4j.spi;

import dev.vidrio.langchain4j.VidrioEmbeddingModel;
import java.util.function.Supplier;

/**
 * Makes the builders that {@link VidrioEmbeddingModel#builder} gives; found by the service loader.
 */
public interface VidrioEmbeddingModelBuilderFactory
    extends Supplier<VidrioEmbeddingModel.Builder> {}
