package dev.vidrio.langchain4j.spi;

import dev.vidrio.langchain4j.VidrioChatModel;
import java.util.function.Supplier;

/** Makes the builders that {@link VidrioChatModel#builder} gives; found by the service loader. */
public interface VidrioChatModelBuilderFactory extends Supplier<VidrioChatModel.Builder> {}
