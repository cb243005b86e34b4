package dev.vidrio.spring;

import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.springframework.ai.chat.prompt.ChatOptions;
import org.springframework.ai.model.tool.DefaultToolCallingChatOptions;
import org.springframework.ai.model.tool.StructuredOutputChatOptions;
import org.springframework.ai.model.tool.ToolCallingChatOptions;

/**
 * What a prompt says of its answer: Spring AI's own options, tools, and a JSON schema that the
 * answer keeps to, in the dialect of docs/structured-output.md.
 */
public final class VidrioChatOptions extends DefaultToolCallingChatOptions
    implements StructuredOutputChatOptions {
  private final @Nullable String outputSchema;

  private VidrioChatOptions(ToolCallingChatOptions others, @Nullable String outputSchema) {
    super(
        others.getToolCallbacks(),
        others.getToolContext(),
        others.getModel(),
        others.getFrequencyPenalty(),
        others.getMaxTokens(),
        others.getPresencePenalty(),
        others.getStopSequences(),
        others.getTemperature(),
        others.getTopK(),
        others.getTopP());
    this.outputSchema = outputSchema;
  }

  /** A builder where everything is left open. */
  public static Builder builder() {
    return new Builder();
  }

  /** The schema, or null where any text is an answer. */
  @Override
  public @Nullable String getOutputSchema() {
    return outputSchema;
  }

  @Override
  public Builder mutate() {
    return new Builder().combineWith(super.mutate()).outputSchema(outputSchema);
  }

  @Override
  public boolean equals(@Nullable Object o) {
    return super.equals(o)
        && o instanceof VidrioChatOptions other
        && Objects.equals(outputSchema, other.outputSchema);
  }

  @Override
  public int hashCode() {
    return Objects.hash(super.hashCode(), outputSchema);
  }

  /** Collects options. */
  public static final class Builder extends DefaultToolCallingChatOptions.Builder<Builder>
      implements StructuredOutputChatOptions.Builder<Builder> {
    private @Nullable String outputSchema;

    private Builder() {}

    /** Sets {@link VidrioChatOptions#getOutputSchema}. */
    @Override
    public Builder outputSchema(@Nullable String schema) {
      outputSchema = schema;
      return this;
    }

    @Override
    public Builder combineWith(ChatOptions.Builder<?> other) {
      var _ = super.combineWith(other);
      if (other instanceof Builder builder && builder.outputSchema != null) {
        outputSchema = builder.outputSchema;
      }
      return this;
    }

    /** The options. */
    @Override
    public VidrioChatOptions build() {
      return new VidrioChatOptions(super.build(), outputSchema);
    }
  }
}
