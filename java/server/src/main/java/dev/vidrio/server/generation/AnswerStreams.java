package dev.vidrio.server.generation;

import dev.vidrio.engine.Engine;
import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.model.generation.FinishReason;
import dev.vidrio.model.generation.GeneratedToken;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.ExceptionMapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** The token streams of the answers to an HTTP request. Closing cancels them. */
public final class AnswerStreams implements AutoCloseable {
  private final List<TokenStream> streams = new ArrayList<>();
  private int promptTokens;

  /** Receives an answer while it is generated; different answers on different threads. */
  @FunctionalInterface
  public interface AnswerSink {
    /** Receives a token. */
    void accept(GeneratedToken token) throws IOException;

    /** Receives the end; other answers may still be generated. */
    default void end(Completion completion) throws IOException {}
  }

  /** Called when the next token is not available yet. */
  @FunctionalInterface
  public interface Pause {
    /** Sends the buffered output before the thread waits. */
    void begin() throws IOException;
  }

  /**
   * Submits requests for {@code n} answers each; if one fails, all are canceled. Answers beyond the
   * engine's number of sequences are submitted as further requests, except for beams, which are a
   * single search.
   */
  public static AnswerStreams submit(Engine engine, List<GenerationRequest> requests, int n) {
    int limit = engine.options().sequences();
    var all = new AnswerStreams();
    try {
      for (GenerationRequest request : requests) {
        all.promptTokens += request.promptTokens();
        int together = request.beams() == null ? Math.min(n, limit) : n;
        for (int from = 0; from < n; from += together) {
          GenerationRequest next = request.toBuilder().seedOffset(from).build();
          all.streams.addAll(engine.submit(next, Math.min(together, n - from)));
        }
      }
      return all;
    } catch (RuntimeException e) {
      all.close();
      throw e;
    }
  }

  int size() {
    return streams.size();
  }

  /** Returns the number of tokens of all prompts. */
  public int promptTokens() {
    return promptTokens;
  }

  /**
   * Waits for all answers.
   *
   * @throws ApiException 503 if one was canceled
   */
  public List<Completion> results() {
    return requireComplete(streams.stream().map(TokenStream::result).toList());
  }

  private static boolean isCanceled(Completion completion) {
    return completion.result().finish() == FinishReason.CANCELED;
  }

  /** Rejects canceled answers. Those of disconnected clients have failed before. */
  private static List<Completion> requireComplete(List<Completion> completions) {
    if (completions.stream().anyMatch(AnswerStreams::isCanceled)) {
      throw ExceptionMapper.shuttingDown();
    }
    return completions;
  }

  /**
   * Reads all answers while they are generated.
   *
   * @param sinks receive the answers
   * @throws IOException if the sink fails; all answers are then canceled
   * @throws ApiException 503 if one was canceled otherwise
   */
  public List<Completion> read(List<? extends AnswerSink> sinks, Pause pause) throws IOException {
    if (streams.size() == 1) {
      return requireComplete(List.of(readOne(streams.getFirst(), sinks.getFirst(), pause)));
    }
    List<Future<Completion>> readers = new ArrayList<>();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < streams.size(); i++) {
        TokenStream stream = streams.get(i);
        AnswerSink sink = sinks.get(i);
        readers.add(threads.submit(() -> readOne(stream, sink, pause)));
      }
    }
    List<Completion> completions = new ArrayList<>();
    for (Future<Completion> reader : readers) {
      completions.add(joined(reader));
    }
    return requireComplete(completions);
  }

  private Completion readOne(TokenStream stream, AnswerSink sink, Pause pause) throws IOException {
    try {
      for (GeneratedToken token : stream) {
        sink.accept(token);
        if (!stream.isReady()) {
          pause.begin();
        }
      }
      Completion completion = stream.result();
      if (!isCanceled(completion)) {
        sink.end(completion);
      }
      if (streams.size() > 1) {
        pause.begin();
      }
      return completion;
    } catch (IOException | RuntimeException e) {
      close();
      throw e;
    }
  }

  private static Completion joined(Future<Completion> reader) throws IOException {
    try {
      return reader.get();
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case IOException io -> throw io;
        case RuntimeException runtime -> throw runtime;
        case null, default -> throw new IllegalStateException(e);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  @Override
  public void close() {
    streams.forEach(TokenStream::cancel);
  }
}
