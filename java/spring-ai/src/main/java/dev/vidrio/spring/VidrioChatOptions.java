package dev.vidrio.spring;

import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.springframework.ai.chat.prompt.ChatOptions;
import org.springframework.ai.model.tool.DefaultToolCallingChatOptions;
import org.springframework.ai.model.tool.StructuredOutputChatOptions;
import org.springframework.ai.model.tool.ToolCallingChatOptions;

/**
 * Options of a prompt: Spring AI's own, tools, and a JSON schema that the answer must match. The
 * supported keywords are in {@code docs/structured-output.md}.
 *
 * @see VidrioChatModel
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

  /** Returns a builder without options. */
  public static Builder builder() {
    return new Builder();
  }

  /** Returns the JSON schema of the answer, or null for any text. */
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

  /** A builder of options. */
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

    /** Builds the options. */
    @Override
    public VidrioChatOptions build() {
      return new VidrioChatOptions(super.build(), outputSchema);
    }
  }
}
