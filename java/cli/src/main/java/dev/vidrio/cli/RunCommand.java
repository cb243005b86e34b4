package dev.vidrio.cli;

import dev.vidrio.model.Generator;
import dev.vidrio.model.InvalidInputException;
import dev.vidrio.model.Model;
import dev.vidrio.model.Session;
import dev.vidrio.model.SessionOptions;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.model.template.ChatMessage;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code vidrio run}. */
@Command(
    name = "run",
    description = {
      "Continues a text, or answers it where the model is made for chat.",
      "Text on standard input is taken where that is no terminal. Without any, a chat model chats"
          + " at the terminal, and another one begins on its own."
    })
final class RunCommand implements Callable<Integer> {
  @Mixin private ModelOption model = new ModelOption();
  @Mixin private KvOption kv = new KvOption();
  @Mixin private TextInput input = new TextInput();
  @Mixin private SamplingOption sampling = new SamplingOption();

  @Option(
      names = {"-n", "--tokens"},
      paramLabel = "N",
      defaultValue = "256",
      description = "Generate at most N tokens. Default: ${DEFAULT-VALUE}.")
  private int tokens;

  @Option(
      names = {"-c", "--context"},
      paramLabel = "N",
      defaultValue = "0",
      description = "Positions to make room for. Default: the model's, at most 4096.")
  private int context;

  @Option(names = "--raw", description = "Continue the text as it is: no chat template.")
  private boolean raw;

  @Option(names = "--ignore-eos", description = "Go on where the model ends its text.")
  private boolean ignoreEnd;

  @Option(names = "--json", description = "Print ids, text, log-probabilities and timings.")
  private boolean json;

  RunCommand() {}

  @Override
  public Integer call() {
    SamplingOptions options = sampling.toOptions();
    var limit = new Generator.Limit(tokens, ignoreEnd);
    long start = System.nanoTime();
    try (Model opened = model.open();
        Session session = opened.newSession(sessionOptions())) {
      Optional<ChatFormat> chat = raw || input.isIds() ? Optional.empty() : ChatFormat.of(opened);
      if (chat.isPresent() && !input.isPresent() && !json && Terminal.IN.isTerminal()) {
        new ChatLoop(opened, session, chat.get(), options, limit).run();
        return 0;
      }
      var completion = new Completion(opened, session, options, limit, System.nanoTime() - start);
      int[] prompt = prompt(opened, chat);
      if (json) {
        Json.print(completion.toJson(prompt));
      } else {
        completion.print(prompt);
      }
    }
    return 0;
  }

  private SessionOptions sessionOptions() {
    return SessionOptions.DEFAULT.withContext(context).withKvType(kv.type());
  }

  private int[] prompt(Model opened, Optional<ChatFormat> chat) {
    if (chat.isEmpty()) {
      return input.ids(opened).orElseGet(() -> beginning(opened));
    }
    String text =
        input
            .text()
            .orElseThrow(() -> new InvalidInputException("prompt", "", "give one by -p or -f"));
    return chat.get().encode(List.of(ChatMessage.user(text)));
  }

  /** What a model starts from that is given nothing. */
  private static int[] beginning(Model model) {
    int first =
        model
            .tokenizer()
            .bos()
            .orElseGet(
                () ->
                    model
                        .tokenizer()
                        .eos()
                        .orElseThrow(
                            () ->
                                new InvalidInputException(
                                    "prompt", "", "give one by -p, -f, --ids or stdin")));
    return new int[] {first};
  }
}
