package dev.vidrio.model;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.file.FileStatus;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.grammar.ConstraintCache;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.ffm.NativeException;
import dev.vidrio.kernel.pass.GatherHoisting;
import dev.vidrio.model.adapter.Adapter;
import dev.vidrio.model.architecture.Architecture;
import dev.vidrio.model.block.EagleHead;
import dev.vidrio.model.chat.Chat;
import dev.vidrio.model.chat.ChatFormat;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.generation.Generator;
import dev.vidrio.model.generation.TextStream;
import dev.vidrio.model.huggingface.HuggingFaceModel;
import dev.vidrio.model.load.LoadedModel;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.model.session.SessionPlans;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ChatOptions;
import dev.vidrio.tokenizer.Tokenizer;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.BiFunction;
import java.util.function.Function;

/**
 * A loaded language model: the entry point to everything that runs it.
 *
 * {@snippet file="GenerationExamples.java" region="open"}
 *
 * <p>{@link #generate(String)} continues a text and {@link #newChat()} holds a conversation; both
 * return {@link TextStream}s. {@link #newSession(SessionOptions)} runs tokens step by step and
 * gives access to the logits. To serve many requests at once, use {@code dev.vidrio.engine.Engine};
 * to look inside, {@code dev.vidrio.lens.Lens}.
 *
 * <p>The model owns its memory. {@link #close} closes its sessions and adapters first; later use
 * throws {@link IllegalStateException}. Threads may share a model. Sessions, streams and
 * conversations belong to one thread each.
 *
 * <p>Guide: {@code docs/first-token.md}.
 */
public final class Model implements AutoCloseable {
  private final LoadedModel loaded;

  private Model(
      BiFunction<String, Arena, Gguf> source,
      String name,
      Optional<Path> file,
      ModelOptions options) {
    this.loaded =
        new LoadedModel(
            source,
            name,
            file,
            options.executor(),
            options.progress(),
            options.repacking(),
            options.draftBlock(),
            options.draftHead(),
            options.latentCache());
  }

  /**
   * Opens a GGUF file or a Hugging Face directory with {@link ModelOptions#DEFAULT}.
   *
   * @throws ModelFileException if the file is missing, damaged or inconsistent
   * @throws UnsupportedModelException if the model needs a feature that is not supported
   * @throws NativeException if the native library is missing or native access is not enabled
   */
  public static Model open(Path file) {
    return open(file, ModelOptions.DEFAULT);
  }

  /**
   * Opens a GGUF file, or a directory with {@code config.json} and {@code *.safetensors}.
   *
   * @throws ModelException as {@link #open(Path)} does
   */
  public static Model open(Path file, ModelOptions options) {
    return new Model(
        (name, arena) ->
            FileStatus.isDirectory(file)
                ? HuggingFaceModel.open(file, arena).toGguf(arena)
                : Gguf.open(file, arena),
        file.toString(),
        Optional.of(file),
        options);
  }

  /**
   * Returns whether a file is an EAGLE-3 head, which {@link ModelOptions#withDraftHead} takes,
   * instead of a model.
   *
   * @throws ModelFileException if it is a file that is missing or not in GGUF
   */
  public static boolean isDraftHead(Path file) {
    if (FileStatus.isDirectory(file)) {
      return false;
    }
    try (Arena arena = Arena.ofConfined()) {
      return EagleHead.isHead(Gguf.open(file, arena));
    }
  }

  /**
   * Reads a GGUF file from a stream into off-heap memory, for example from a jar or an archive.
   *
   * @param name the model's name in error messages
   * @param size the number of bytes to read
   * @throws ModelException as {@link #open(Path)} does
   * @throws UncheckedIOException if the stream fails or ends early
   */
  public static Model read(String name, InputStream in, long size, ModelOptions options) {
    return new Model(
        (ignored, arena) -> Gguf.parse(name, copy(in, size, arena)),
        name,
        Optional.empty(),
        options);
  }

  private static MemorySegment copy(InputStream in, long size, Arena arena) {
    MemorySegment data = arena.allocate(size, 64);
    var chunk = new byte[1 << 16];
    try {
      for (long offset = 0; offset < size; ) {
        int n = in.readNBytes(chunk, 0, (int) Math.min(chunk.length, size - offset));
        if (n == 0) {
          throw new EOFException("ends after " + offset + " of " + size + " bytes");
        }
        MemorySegment.copy(chunk, 0, data, ValueLayout.JAVA_BYTE, offset, n);
        offset += n;
      }
      return data;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns the file's name as the caller gave it. */
  public String name() {
    return loaded.name();
  }

  /** Returns the parsed model file. */
  public Gguf gguf() {
    return loaded.gguf();
  }

  /** Returns the tokenizer. */
  public Tokenizer tokenizer() {
    return loaded.tokenizer();
  }

  /** Returns the plan and the dimensions. */
  public Architecture architecture() {
    return loaded.architecture();
  }

  /** Returns the executor that runs the plan. */
  public Executor executor() {
    return loaded.executor();
  }

  /** Returns the cache of grammars compiled for the tokenizer. */
  public ConstraintCache constraints() {
    return loaded.constraints();
  }

  /** Returns the parts that sessions, adapters and generators share. */
  public LoadedModel loaded() {
    return loaded;
  }

  /**
   * Opens a session with the model's plan, in which {@linkplain GatherHoisting only the rows} that
   * ask for logits run the last row-wise operations.
   *
   * @throws InvalidInputException if the options do not fit the model
   * @throws IllegalStateException if the model is closed
   */
  public Session newSession(SessionOptions options) {
    return newSession(options, SessionPlans.of(loaded, options.positions(architecture())));
  }

  /**
   * Opens a session that runs another plan over the model's weights.
   *
   * @param plan has one output, of rows that ask for logits, which {@link Session#logits} returns
   * @throws InvalidInputException if the options do not fit the model
   */
  public Session newSession(SessionOptions options, Plan plan) {
    return Session.open(loaded, options, plan, null);
  }

  /**
   * Opens a session that runs another plan over the sequences of an existing session. A sequence
   * may run in either session, step by step.
   *
   * @param options the options of the other session, except the size of steps
   * @param plan as in {@link #newSession(SessionOptions, Plan)}
   * @param shared the other session, which must stay open
   */
  public Session newSession(SessionOptions options, Plan plan, Session shared) {
    return Session.open(loaded, options, plan, shared);
  }

  /**
   * Opens a low-rank adapter (LoRA): a GGUF file of llama.cpp's {@code convert_lora_to_gguf}, or a
   * PEFT directory with {@code adapter_config.json} and {@code adapter_model.safetensors}.
   *
   * {@snippet file="GenerationExamples.java" region="adapter"}
   *
   * @throws ModelFileException if the file is missing, damaged, inconsistent or made for another
   *     model
   * @throws UnsupportedModelException if it changes weights that adapters cannot change here, such
   *     as embeddings
   */
  public Adapter openAdapter(Path file) {
    return Adapter.open(loaded, file);
  }

  /** Continues a text with {@link GenerationOptions#DEFAULT}. */
  public TextStream generate(String prompt) {
    return generate(prompt, GenerationOptions.DEFAULT);
  }

  /**
   * Continues a text.
   *
   * {@snippet file="GenerationExamples.java" region="generate"}
   *
   * @throws InvalidInputException if the prompt has no tokens or does not fit the context length
   */
  public TextStream generate(String prompt, GenerationOptions options) {
    return generate(tokenizer().encode(prompt), options);
  }

  /**
   * Continues a sequence of token ids, without adding special tokens. The context is as long as the
   * prompt and the requested tokens need.
   *
   * @throws InvalidInputException if the prompt is empty, has an unknown id, or does not fit the
   *     context length
   */
  public TextStream generate(int[] prompt, GenerationOptions options) {
    int declared = architecture().contextLength();
    long wanted = Math.max(1, (long) prompt.length + options.tokens());
    return generate(
        prompt, options, SessionOptions.DEFAULT.withContext((int) Math.min(declared, wanted)));
  }

  /**
   * Continues a sequence of token ids in a new session, which the stream closes at its end.
   *
   * @param session the context length, element type of the cache and adapter of the session
   * @throws InvalidInputException if the options do not fit the model, or the prompt is empty, has
   *     an unknown id, or does not fit the context
   */
  public TextStream generate(int[] prompt, GenerationOptions options, SessionOptions session) {
    Session opened = newSession(session);
    try {
      int[] tokens = prompt.clone();
      Sequence sequence = opened.newSequence();
      opened.requireFits(sequence, tokens);
      var generator = new Generator(opened, options);
      return new TextStream(
          generator,
          tokens.length,
          () -> generator.prompt(sequence, tokens),
          result -> opened.close(),
          opened::close);
    } catch (Throwable e) {
      opened.close();
      throw e;
    }
  }

  /**
   * Returns the format of conversations, from the model's chat template; empty if the model has
   * none.
   *
   * @throws ModelException if the template cannot be parsed
   */
  public Optional<ChatFormat> chatFormat() {
    return ChatFormat.of(loaded);
  }

  /** Answers a conversation with {@link GenerationOptions#DEFAULT}. */
  public TextStream chat(List<ChatMessage> messages) {
    return chat(messages, GenerationOptions.DEFAULT);
  }

  /**
   * Answers a conversation, with the model's chat template.
   *
   * {@snippet file="GenerationExamples.java" region="answer"}
   *
   * @throws InvalidInputException if the model has no chat template, or the template rejects the
   *     messages
   */
  public TextStream chat(List<ChatMessage> messages, GenerationOptions options) {
    ChatFormat format = requireChatFormat();
    int[] prompt = format.encode(messages);
    return generate(prompt, options.withGrammar(format.afterReasoning(prompt, options.grammar())));
  }

  /** Opens a conversation without tools, with {@link GenerationOptions#DEFAULT}. */
  public Chat newChat() {
    return newChat(ChatOptions.DEFAULT, GenerationOptions.DEFAULT, SessionOptions.DEFAULT);
  }

  /**
   * Opens a conversation.
   *
   * {@snippet file="GenerationExamples.java" region="chat"}
   *
   * @param template the tools that the model may call, and variables of its template
   * @param generation how answers are generated; every turn starts from the same seed
   * @param session the context length and element type of the cache
   * @throws InvalidInputException if the model has no chat template, or the options do not fit it
   */
  public Chat newChat(ChatOptions template, GenerationOptions generation, SessionOptions session) {
    loaded.requireOpen();
    ChatFormat format = requireChatFormat();
    return new Chat(newSession(session.withSlots(2)), format, template, generation);
  }

  /**
   * Opens a {@linkplain Chat#save saved} conversation without tools, with {@link
   * GenerationOptions#DEFAULT}.
   *
   * @throws ModelException as {@link #openChat(Path, ChatOptions, GenerationOptions,
   *     SessionOptions)} does
   */
  public Chat openChat(Path file) {
    return openChat(file, ChatOptions.DEFAULT, GenerationOptions.DEFAULT, SessionOptions.DEFAULT);
  }

  /**
   * Opens a {@linkplain Chat#save saved} conversation. Its next answer has the bits that it has
   * without saving. If the element type or the adapter differs from that of the saved conversation,
   * or the context is too short, its tokens run again.
   *
   * @param session as in {@link #newChat(ChatOptions, GenerationOptions, SessionOptions)}
   * @throws ModelFileException if the file is missing or damaged, or the conversation is with
   *     another model
   * @throws InvalidInputException if the model has no chat template, or the options do not fit it
   */
  public Chat openChat(
      Path file, ChatOptions template, GenerationOptions generation, SessionOptions session) {
    loaded.requireOpen();
    ChatFormat format = requireChatFormat();
    return Chat.open(file, newSession(session.withSlots(2)), format, template, generation);
  }

  private ChatFormat requireChatFormat() {
    return chatFormat()
        .orElseThrow(() -> new InvalidInputException("model", name(), "has no chat template"));
  }

  /**
   * Returns a value that is computed once per model and lives as long as the model.
   *
   * @param factory computes the value; it receives an arena that closes with the model
   */
  public <T> T cached(Class<T> type, Function<Arena, T> factory) {
    return loaded.cached(type, factory);
  }

  /** Returns {@code model NAME}, for logs and errors. */
  @Override
  public String toString() {
    return "model " + name();
  }

  /** Closes sessions, adapters, executor and all memory. Waits for a running step. */
  @Override
  public void close() {
    loaded.close();
  }
}
