package dev.vidrio.cli.cache;

import dev.vidrio.cli.chat.Tools;
import dev.vidrio.cli.io.CommandException;
import dev.vidrio.cli.io.JsonObject;
import dev.vidrio.cli.io.Units;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.option.CacheDirectoryOption;
import dev.vidrio.cli.option.JsonHelp;
import dev.vidrio.cli.option.ModelCommand;
import dev.vidrio.cli.option.SessionOption;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.engine.DiskCacheStatus;
import dev.vidrio.engine.Engine;
import dev.vidrio.engine.EngineOptions;
import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.Model;
import dev.vidrio.model.chat.ChatFormat;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ChatOptions;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio cache warm}. */
@Command(
    name = "warm",
    description = {
      "Computes a prefix and keeps it in --cache-dir, so that prompts that begin with it start"
          + " sooner.",
      "The directory may be copied to other machines: bits do not depend on the processor. --kv,"
          + " --arithmetic and --adapter must be those of the server."
    })
@JsonHelp("Print JSON: tokens, tokens found in the directory, seconds, bytes written.")
final class WarmCommand extends ModelCommand<WarmCommand.Warmed> {
  @Mixin private CacheDirectoryOption directory = new CacheDirectoryOption();
  @Mixin private SessionOption session = new SessionOption();
  @Mixin private TextInput input = new TextInput();

  @Option(
      names = "--system",
      description =
          "The text is the system prompt of a chat: keep its rendering by the chat template, up to"
              + " the user's message.")
  private boolean system;

  @Option(
      names = "--tools",
      paramLabel = "FILE",
      description = "With --system, the tools of the chat: a JSON array as in OpenAI's API.")
  private @Nullable Path tools;

  @Option(
      names = "--salt",
      paramLabel = "TEXT",
      description =
          "Keep the prefix for requests with this salt. Default: those of 'vidrio serve' without"
              + " API keys and cache_salt.")
  private String salt = "";

  @Option(
      names = {"-c", "--context"},
      paramLabel = "N",
      description = "Context length in tokens. Default: the model's, at most 4096.")
  private int context;

  /** A prefix that is kept now: its tokens, those that were found, and the time of the prompt. */
  record Warmed(int tokens, int found, double seconds, DiskCacheStatus disk) {}

  @Override
  protected void check() {
    if (!directory.isPresent()) {
      throw new UsageException("--cache-dir: is required");
    }
    if (system && input.isIds()) {
      throw new UsageException("--system: needs a text, but --ids gives token ids");
    }
    if (tools != null && !system) {
      throw new UsageException("--tools: needs --system");
    }
  }

  @Override
  protected Warmed run(Model opened) {
    SessionOptions options = session.of(opened);
    EngineOptions engineOptions =
        directory.applyTo(
            EngineOptions.DEFAULT
                .withSequences(1)
                .withContext(context)
                .withKvType(options.kvType())
                .withArithmetic(options.arithmetic())
                .withAdapters(options.adapters()));
    int[] prompt = system ? systemPrefix(opened) : input.requiredIds(opened);
    GenerationRequest request =
        GenerationRequest.builder(prompt)
            .options(GenerationOptions.DEFAULT.withTokens(0))
            .cacheSalt(salt)
            .adaptation(options.adaptation())
            .build();
    try (Engine engine = Engine.open(opened, engineOptions)) {
      Completion completion = engine.submit(request).result();
      return new Warmed(
          prompt.length,
          completion.cachedTokens(),
          completion.total().toNanos() / 1e9,
          awaitWritten(engine));
    }
  }

  private static DiskCacheStatus awaitWritten(Engine engine) {
    DiskCacheStatus status = engine.status().disk();
    while (status.pending() > 0) {
      try {
        Thread.sleep(Duration.ofMillis(5));
      } catch (InterruptedException e) {
        throw new CommandException("interrupted", e);
      }
      status = engine.status().disk();
    }
    if (status.dropped() > 0) {
      throw new CommandException(
          "--cache-dir: " + status.dropped() + " files could not be written");
    }
    return status;
  }

  /** Returns the tokens that two chats with the same system prompt have in common. */
  private int[] systemPrefix(Model opened) {
    ChatFormat format =
        opened
            .chatFormat()
            .orElseThrow(
                () -> new InvalidInputException("model", opened.name(), "has no chat template"));
    ChatOptions.Builder options = ChatOptions.builder();
    if (tools != null) {
      Tools.read(tools, options);
    }
    ChatMessage message = ChatMessage.system(input.requiredText());
    ChatOptions built = options.build();
    int[] one = format.encode(List.of(message, ChatMessage.user("A")), built);
    int[] other = format.encode(List.of(message, ChatMessage.user("1")), built);
    // One token more, since the last token of a prompt always runs.
    return Arrays.copyOf(one, Math.min(one.length, Arrays.mismatch(one, other) + 1));
  }

  @Override
  protected void print(Warmed warmed) {
    System.out.printf(
        "%d tokens, %d of them found, in %.2f s; %s written%n",
        warmed.tokens, warmed.found, warmed.seconds, Units.bytes(warmed.disk.writtenBytes()));
  }

  @Override
  protected void fill(JsonObject object, Warmed warmed) {
    object.put("tokens", warmed.tokens);
    object.put("found", warmed.found);
    object.put("seconds", warmed.seconds);
    object.put("written_bytes", warmed.disk.writtenBytes());
  }
}
