package dev.vidrio.langchain4j.spi;

import dev.vidrio.langchain4j.VidrioStreamingChatModel;
import java.util.function.Supplier;

/**
 * Makes the builders that {@link VidrioStreamingChatModel#builder} gives; found by the service
 * loader.
 */
public interface VidrioStreamingChatModelBuilderFactory
    extends Supplier<VidrioStreamingChatModel.Builder> {}
