package dev.vidrio.langchain4j.spi;

import dev.vidrio.langchain4j.VidrioChatModel;
import java.util.function.Supplier;

/**
 * Creates the builders that {@link VidrioChatModel#builder} returns. Loaded by {@code
 * ServiceLoader}.
 */
public interface VidrioChatModelBuilderFactory extends Supplier<VidrioChatModel.Builder> {}
