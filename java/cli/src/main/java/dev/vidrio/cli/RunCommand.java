package dev.vidrio.cli;

import dev.vidrio.cli.chat.Answer;
import dev.vidrio.cli.chat.ChatLoop;
import dev.vidrio.cli.chat.Conversation;
import dev.vidrio.cli.chat.Tools;
import dev.vidrio.cli.generation.AnswerSource;
import dev.vidrio.cli.generation.BeamCompletion;
import dev.vidrio.cli.generation.BeamOption;
import dev.vidrio.cli.generation.Continuation;
import dev.vidrio.cli.generation.DraftOption;
import dev.vidrio.cli.generation.GrammarOption;
import dev.vidrio.cli.generation.SampledCompletion;
import dev.vidrio.cli.io.Hint;
import dev.vidrio.cli.io.InputOutput;
import dev.vidrio.cli.io.Json;
import dev.vidrio.cli.io.Terminal;
import dev.vidrio.cli.io.UsageException;
import dev.vidrio.cli.option.DraftedModel;
import dev.vidrio.cli.option.ModelNames;
import dev.vidrio.cli.option.ModelOption;
import dev.vidrio.cli.option.OptionValues;
import dev.vidrio.cli.option.SamplingOption;
import dev.vidrio.cli.option.SessionOption;
import dev.vidrio.cli.option.TextInput;
import dev.vidrio.engine.generation.BeamOptions;
import dev.vidrio.error.InvalidInputException;
import dev.vidrio.model.Model;
import dev.vidrio.model.chat.ChatAnswer;
import dev.vidrio.model.chat.ChatFormat;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.receipt.Receipt;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ChatOptions;
import dev.vidrio.tokenizer.FillInMiddle;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code vidrio run}. */
@Command(
    name = "run",
    description = {
      "Continues a text, or answers it if the model has a chat template.",
      "Without a text, reads standard input; on a terminal, a chat model starts a chat, and any"
          + " other model generates from the start of a text."
    })
final class RunCommand implements Runnable {
  @Mixin private ModelOption model = new ModelOption();
  @Mixin private SessionOption session = new SessionOption();
  @Mixin private TextInput input = new TextInput();
  @Mixin private SamplingOption sampling = new SamplingOption();
  @Mixin private GrammarOption grammar = new GrammarOption();
  @Mixin private BeamOption beams = new BeamOption();
  @Mixin private DraftOption drafts = new DraftOption();

  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "MODEL",
      completionCandidates = ModelNames.class,
      description = "The model, unless -m names it.")
  private @Nullable String first;

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "TEXT",
      description = "The text, as with -p. With -m it is the only argument.")
  private @Nullable String second;

  @Option(
      names = {"-n", "--tokens"},
      paramLabel = "N",
      description = "Generate at most N tokens. Default: until the end of an answer, else 256.")
  private @Nullable Integer tokens;

  @Option(
      names = {"-c", "--context"},
      paramLabel = "N",
      description = "Context length in tokens. Default: the model's, at most 4096.")
  private int context;

  @Option(names = "--system", paramLabel = "TEXT", description = "System prompt for a chat model.")
  private @Nullable String system;

  @Option(
      names = "--tools",
      paramLabel = "FILE",
      description = "Tools that a chat model may call: a JSON array as in OpenAI's API.")
  private @Nullable Path tools;

  @Option(
      names = "--reasoning",
      paramLabel = "EFFORT",
      description = {
        "Reasoning effort of a chat model: none, low, medium, high, if its template supports it."
            + " Reasoning goes to standard error."
      })
  private @Nullable String reasoning;

  @Option(names = "--raw", description = "Continue the text as it is, without a chat template.")
  private boolean raw;

  @Option(
      names = "--suffix",
      paramLabel = "TEXT",
      description = {
        "Fill the gap between the text and this one, with a code model that has tokens for it;"
            + " without a chat template."
      })
  private @Nullable String suffix;

  @Option(names = "--ignore-eos", description = "Continue past the model's end of text.")
  private boolean ignoreEnd;

  @Option(
      names = "--receipt",
      paramLabel = "FILE",
      description = {
        "Write a receipt of the answer to FILE, with which others can check it: see 'vidrio"
            + " verify'."
      })
  private @Nullable Path receipt;

  @Option(names = "--json", description = "Print JSON: ids, text, log-probabilities, timings.")
  private boolean json;

  @Override
  public void run() {
    readArguments();
    BeamOptions search = OptionValues.of(beams::read);
    GenerationOptions base = generationOptions(search != null);
    ChatOptions.Builder template = templateOptions();
    checkReceipt(search != null);
    checkDrafts(search != null);
    DraftedModel drafted = drafts.of(model);
    long start = System.nanoTime();
    try (Model opened = drafted.model().open()) {
      boolean plain = raw || input.isIds() || suffix != null;
      Optional<ChatFormat> format = plain ? Optional.empty() : opened.chatFormat();
      requireChat(opened, format);
      ChatOptions chatOptions = chatOptions(template, format);
      GenerationOptions options =
          tokens == null && format.isPresent() && search == null && !ignoreEnd
              ? base.withTokens(Integer.MAX_VALUE) // to the end of the turn or of the context
              : base;
      boolean chats = format.isPresent() && !input.isPresent() && !json && search == null;
      if (chats && Terminal.IN.isTerminal()) {
        requireNoChat();
        try (AnswerSource source = drafts.open(opened, drafted, sessionOptions(opened));
            Conversation chat = source.chat(format.get(), chatOptions, options)) {
          new ChatLoop(chat, system).run(opened.name());
        }
        return;
      }
      int[] prompt = prompt(opened, format, chatOptions);
      ChatFormat chat = format.orElse(null);
      if (chat != null) {
        options = options.withGrammar(chat.afterReasoning(prompt, options.grammar()));
      }
      if (search != null) {
        var found =
            new BeamCompletion(
                opened, sessionOptions(opened), options, search, chat, chatOptions.tools());
        print(found, prompt);
        return;
      }
      try (AnswerSource source = drafts.open(opened, drafted, sessionOptions(opened));
          Answer answer = source.generate(prompt, options)) {
        long loadNanos = System.nanoTime() - start;
        ChatAnswer reader = chat == null ? null : chat.newAnswer(prompt, chatOptions.tools());
        long seed = options.sampling().seed();
        print(
            new SampledCompletion(opened, answer, seed, reader, tools != null, loadNanos), prompt);
        writeReceipt(answer);
      }
      if (opened.name().equals("bard") && !json) {
        Hint.print("'vidrio list' shows other models; 'vidrio lens' shows how this one works.");
      }
    }
  }

  /** Reads the arguments: TEXT if -m names the model, else MODEL and TEXT. */
  private void readArguments() {
    boolean named = model.isGiven();
    if (named && second != null) {
      throw new UsageException(
          "two models: -m "
              + model.reference()
              + " and "
              + first
              + "; with -m, the only argument is TEXT, in quotes");
    }
    if (!named && second == null && isText(first)) {
      throw new UsageException(
          "not a model: " + first + "; a text without a model is given by -p, as in -p \"TEXT\"");
    }
    model = model.named(named ? null : first);
    String text = named ? first : second;
    input = OptionValues.of(() -> input.named(text));
  }

  /**
   * Returns whether an argument has several words, as no name of a model has, and is not a file.
   */
  private static boolean isText(@Nullable String argument) {
    return argument != null && argument.contains(" ") && !Files.exists(Path.of(argument));
  }

  private GenerationOptions generationOptions(boolean searches) {
    int most = tokens == null ? GenerationOptions.DEFAULT.tokens() : tokens;
    GenerationOptions base = OptionValues.of(() -> GenerationOptions.DEFAULT.withTokens(most));
    return base.withSampling(searches ? sampling.toOptions(0) : sampling.toOptions())
        .withIgnoreEnd(ignoreEnd)
        .withGrammar(grammar.read())
        .withReceipt(receipt != null);
  }

  private void checkReceipt(boolean searches) {
    if (receipt == null) {
      return;
    }
    if (searches) {
      throw new UsageException("--receipt: not supported with --beams");
    }
    InputOutput.requireWritable(receipt);
  }

  private void checkDrafts(boolean searches) {
    if (OptionValues.of(drafts::isGiven) && searches) {
      throw new UsageException("--draft, --draft-tokens: not supported with --beams");
    }
  }

  private void requireNoChat() {
    if (receipt != null) {
      throw new UsageException("--receipt: needs a text, since a chat has many answers");
    }
  }

  private void writeReceipt(Answer answer) {
    Receipt made = answer.result().receipt();
    if (receipt == null || made == null) {
      return;
    }
    try {
      made.write(receipt);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void print(Continuation continuation, int[] prompt) {
    if (json) {
      Json.print(continuation.toJson(prompt));
    } else {
      continuation.print(prompt);
    }
  }

  private ChatOptions.Builder templateOptions() {
    ChatOptions.Builder options = ChatOptions.builder();
    if (tools != null) {
      Tools.read(tools, options);
    }
    return options;
  }

  private ChatOptions chatOptions(ChatOptions.Builder options, Optional<ChatFormat> format) {
    if (reasoning != null && format.isPresent()) {
      format.get().reasoningEffort(reasoning).forEach(options::variable);
    }
    return options.build();
  }

  private void requireChat(Model opened, Optional<ChatFormat> format) {
    if (format.isEmpty()) {
      requireNone(opened, "--tools", tools);
      requireNone(opened, "--system", system);
      requireNone(opened, "--reasoning", reasoning);
    }
  }

  private static void requireNone(Model opened, String option, @Nullable Object value) {
    if (value != null) {
      throw new InvalidInputException(
          option,
          "",
          "not supported: " + opened.name() + " has no chat template, or --raw, --ids or --suffix");
    }
  }

  private SessionOptions sessionOptions(Model opened) {
    SessionOptions options = session.of(opened);
    return OptionValues.of(() -> options.withContext(context));
  }

  private int[] prompt(Model opened, Optional<ChatFormat> chat, ChatOptions options) {
    if (suffix != null) {
      return infill(opened, suffix);
    }
    if (chat.isEmpty()) {
      return input.ids(opened).orElseGet(() -> beginning(opened));
    }
    String text = input.requiredText();
    List<ChatMessage> messages = new ArrayList<>();
    if (system != null) {
      messages.add(ChatMessage.system(system));
    }
    messages.add(ChatMessage.user(text));
    return chat.get().encode(messages, options);
  }

  /** Returns the prompt of the gap between the text and a suffix. */
  private int[] infill(Model opened, String after) {
    if (input.isIds()) {
      throw new UsageException("--suffix: needs a text, but --ids gives token ids");
    }
    FillInMiddle code =
        FillInMiddle.of(opened.tokenizer())
            .orElseThrow(
                () ->
                    new InvalidInputException(
                        "--suffix", "", FillInMiddle.notSupported(opened.name())));
    return code.prompt(input.text().orElse(""), after);
  }

  /** Returns the prompt of a run without a text: BOS, or EOS if the vocabulary has no BOS. */
  private int[] beginning(Model model) {
    int first =
        model
            .tokenizer()
            .bos()
            .orElseGet(() -> model.tokenizer().eos().orElseThrow(TextInput::missing));
    return new int[] {first};
  }
}
