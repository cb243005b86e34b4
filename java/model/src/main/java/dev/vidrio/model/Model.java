package dev.vidrio.model;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.error.ModelException;
import dev.vidrio.error.ModelFileException;
import dev.vidrio.error.UnsupportedModelException;
import dev.vidrio.formats.gguf.Gguf;
import dev.vidrio.formats.gguf.GgufValue;
import dev.vidrio.grammar.ConstraintCache;
import dev.vidrio.kernel.ChosenRows;
import dev.vidrio.kernel.Executor;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.ffm.NativeException;
import dev.vidrio.model.architecture.Architecture;
import dev.vidrio.model.architecture.catalog.Catalog;
import dev.vidrio.model.huggingface.HuggingFaceModel;
import dev.vidrio.template.ChatMessage;
import dev.vidrio.template.ChatOptions;
import dev.vidrio.tokenizer.Tokenizer;
import dev.vidrio.tokenizer.Tokenizers;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A loaded language model: its weights, its tokenizer and the executor that runs it.
 *
 * {@snippet file="GenerationExamples.java" region="open"}
 *
 * <p>Closing it closes its sessions and adapters and frees all memory; later use throws {@link
 * IllegalStateException}. Threads may share a model, but not a session.
 */
public final class Model implements AutoCloseable {
  /** Grammars of which it remembers what they allow. */
  private static final int CONSTRAINTS = 32;

  private final Gguf gguf;
  private final Tokenizer tokenizer;
  private final Architecture architecture;
  private final Executor executor;
  private final ConstraintCache constraints;
  private final Arena arena;
  private final Set<Session> sessions = ConcurrentHashMap.newKeySet();
  private final Set<Adapter> adapters = ConcurrentHashMap.newKeySet();
  private final Map<Class<?>, Object> kept = new ConcurrentHashMap<>();
  private volatile boolean closed;

  private Model(BiFunction<String, Arena, Gguf> source, String name, ModelOptions options) {
    this.arena = Arena.ofShared();
    Executor started = null;
    try {
      Gguf file = source.apply(name, arena);
      this.gguf = file;
      started = options.executor().get();
      this.executor = started;
      // A vocabulary is read by one thread, which leaves processors to those who pack weights.
      CompletableFuture<Tokenizer> reading =
          CompletableFuture.supplyAsync(
              () -> Tokenizers.fromGguf(file.metadata(), embeddings(file)),
              Thread.ofPlatform().daemon()::start);
      try {
        this.architecture =
            Catalog.load(file, executor, arena, options.progress(), options.repack());
      } finally {
        this.tokenizer = result(reading);
      }
      this.constraints = new ConstraintCache(tokenizer, CONSTRAINTS);
      requireVocabulary();
    } catch (Throwable e) {
      if (started != null) {
        started.close();
      }
      arena.close();
      throw e;
    }
  }

  /** Waits for another thread's result, or for its error, which is thrown as it is. */
  private static <T> T result(CompletableFuture<T> future) {
    try {
      return future.join();
    } catch (CompletionException e) {
      switch (e.getCause()) {
        case RuntimeException cause -> throw cause;
        case Error cause -> throw cause;
        case null, default -> throw e;
      }
    }
  }

  /** How many rows the table of embeddings has; architectures check what it is. */
  private static long embeddings(Gguf gguf) {
    return gguf.findTensor("token_embd.weight").map(tensor -> tensor.dim(1)).orElse(0L);
  }

  /** Rejects a list of tokens, padding included, that is longer or shorter than the embedding. */
  private void requireVocabulary() {
    if (gguf.metadata().entries().get("tokenizer.ggml.tokens") instanceof GgufValue.Array tokens
        && tokens.length() != architecture.vocabulary()) {
      throw new ModelFileException(
          gguf.name(),
          "key 'tokenizer.ggml.tokens' length",
          Integer.toString(tokens.length()),
          "must be the " + architecture.vocabulary() + " rows of token_embd.weight");
    }
  }

  /**
   * Opens a GGUF file, or a directory of transformers, with {@link ModelOptions#DEFAULT}.
   *
   * @throws ModelFileException when the file is missing, damaged or contradicts itself
   * @throws UnsupportedModelException when it needs what this version does not have
   * @throws NativeException when the native library is not found or may not be called
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
            Files.isDirectory(file)
                ? HuggingFaceModel.open(file, arena).toGguf(arena)
                : Gguf.open(file, arena),
        file.toString(),
        options);
  }

  /**
   * Reads a GGUF file from a stream into off-heap memory, for models that are no files of their
   * own.
   *
   * @param name what errors call it
   * @param size the number of bytes that the stream gives
   * @throws ModelException as {@link #open(Path)} does
   * @throws UncheckedIOException when the stream fails, or ends before
   */
  public static Model read(String name, InputStream in, long size, ModelOptions options) {
    return new Model((ignored, arena) -> Gguf.parse(name, copy(in, size, arena)), name, options);
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

  /** The file's name as it was given. */
  public String name() {
    return gguf.name();
  }

  /** The model file. */
  public Gguf gguf() {
    return gguf;
  }

  /** The tokenizer. */
  public Tokenizer tokenizer() {
    return tokenizer;
  }

  /** The grammars that generation was constrained to last, compiled for the tokenizer. */
  public ConstraintCache constraints() {
    return constraints;
  }

  /** The architecture with its sizes. */
  public Architecture architecture() {
    return architecture;
  }

  /** What runs it. */
  public Executor executor() {
    return executor;
  }

  /**
   * Opens a session: memory for some sequences and a plan that runs them, the model's with the rows
   * that ask for logits {@linkplain ChosenRows chosen early}. As everything that opens or generates
   * here, it throws {@link IllegalStateException} once the model is closed.
   *
   * @throws InvalidInputException when the options do not fit the model
   */
  public Session newSession(SessionOptions options) {
    Plan plan = architecture.plan(Session.positions(this, options));
    return newSession(options, ChosenRows.of(plan));
  }

  /**
   * Opens a session that runs another plan over the model's weights.
   *
   * @param plan has one output, of rows that ask for logits, which {@link Session#logits} gives
   * @throws InvalidInputException when the options do not fit the model
   */
  public Session newSession(SessionOptions options, Plan plan) {
    return open(options, plan, null);
  }

  /**
   * Opens a session that runs another plan for the sequences of a session. They take turns: a
   * sequence may run in either, step by step.
   *
   * @param options as the other's, but for the size of its steps
   * @param plan as in {@link #newSession(SessionOptions, Plan)}
   * @param shared the other session, which has to stay open
   */
  public Session newSession(SessionOptions options, Plan plan, Session shared) {
    return open(options, plan, shared);
  }

  private Session open(SessionOptions options, Plan plan, @Nullable Session shared) {
    requireOpen();
    var session = new Session(this, options, plan, shared, sessions::remove);
    sessions.add(session);
    return session;
  }

  /** Continues a text with {@link GenerationOptions#DEFAULT}. */
  public TokenStream generate(String prompt) {
    return generate(prompt, GenerationOptions.DEFAULT);
  }

  /**
   * Continues a text:
   *
   * {@snippet file="GenerationExamples.java" region="generate"}
   *
   * @throws InvalidInputException when the prompt has no tokens or more than the model was made for
   */
  public TokenStream generate(String prompt, GenerationOptions options) {
    return generate(tokenizer.encode(prompt), options);
  }

  /**
   * Continues tokens, used as they are.
   *
   * @throws InvalidInputException when there are none, an id is unknown, or there are more than the
   *     model was made for
   */
  public TokenStream generate(int[] prompt, GenerationOptions options) {
    int declared = architecture.contextLength();
    long wanted = Math.max(1, (long) prompt.length + options.tokens());
    var room = SessionOptions.DEFAULT.withContext((int) Math.min(declared, wanted));
    Session session = newSession(room);
    try {
      Sequence sequence = session.newSequence();
      session.requireFits(sequence, prompt);
      int[] tokens = prompt.clone();
      var generator = new Generator(this, session, options);
      return new TokenStream(
          this,
          generator,
          tokens.length,
          () -> generator.prompt(sequence, tokens),
          options.stop(),
          result -> session.close(),
          session::close);
    } catch (Throwable e) {
      session.close();
      throw e;
    }
  }

  /** Answers a conversation with {@link GenerationOptions#DEFAULT}. */
  public TokenStream chat(List<ChatMessage> messages) {
    return chat(messages, GenerationOptions.DEFAULT);
  }

  /**
   * Answers a conversation, for models made for chat:
   *
   * {@snippet file="GenerationExamples.java" region="answer"}
   *
   * @throws InvalidInputException when the model is not made for chat, or its template does not
   *     take the messages
   */
  public TokenStream chat(List<ChatMessage> messages, GenerationOptions options) {
    ChatFormat format = chatFormat();
    int[] prompt = format.encode(messages);
    return generate(prompt, options.withGrammar(format.behindThoughts(prompt, options.grammar())));
  }

  /** Opens a conversation without tools, with {@link GenerationOptions#DEFAULT}. */
  public Chat newChat() {
    return newChat(ChatOptions.DEFAULT, GenerationOptions.DEFAULT, SessionOptions.DEFAULT);
  }

  /**
   * Opens a conversation.
   *
   * @param template the tools that the model may ask for, and switches of its template
   * @param generation how answers are generated; every turn draws the same random numbers
   * @param session the room for it
   * @throws InvalidInputException when the model is not made for chat, or the options do not fit it
   */
  public Chat newChat(ChatOptions template, GenerationOptions generation, SessionOptions session) {
    requireOpen();
    return new Chat(this, chatFormat(), template, generation, session);
  }

  private ChatFormat chatFormat() {
    return ChatFormat.of(this)
        .orElseThrow(
            () ->
                new InvalidInputException(
                    "model", name(), "has no chat template: it is not made for chat"));
  }

  /** Opens an adapter, which is closed with the model. */
  Adapter register(Function<Consumer<Adapter>, Adapter> opener) {
    requireOpen();
    Adapter adapter = opener.apply(adapters::remove);
    adapters.add(adapter);
    return adapter;
  }

  /**
   * What is made of the model once for all who need it, and lives as long as the model does.
   *
   * @param make gets an arena that closes with the model
   */
  public <T> T keep(Class<T> type, Function<Arena, T> make) {
    requireOpen();
    return type.cast(kept.computeIfAbsent(type, ignored -> make.apply(arena)));
  }

  /** Its name, to be told from others. */
  @Override
  public String toString() {
    return "model " + name();
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("the model " + name() + " is closed");
    }
  }

  /** Whether it is closed, or is being closed; by any thread. */
  boolean isClosed() {
    return closed;
  }

  /** Closes sessions, adapters, executor and all memory. Waits for a step that is running. */
  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true; // first: what fails from now on can be told why
      sessions.forEach(Session::close);
      adapters.forEach(Adapter::close);
      executor.close();
      arena.close();
    }
  }
}
