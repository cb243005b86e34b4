package dev.vidrio.langchain4j.spi;

import dev.vidrio.langchain4j.VidrioStreamingChatModel;
import java.util.function.Supplier;

/**
 * Creates the builders that {@link VidrioStreamingChatModel#builder} returns. Loaded by {@code
 * ServiceLoader}.
 */
public interface VidrioStreamingChatModelBuilderFactory
    extends Supplier<VidrioStreamingChatModel.Builder> {}
