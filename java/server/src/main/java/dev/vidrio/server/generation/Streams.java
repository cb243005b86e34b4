package dev.vidrio.server.generation;

import dev.vidrio.engine.Engine;
import dev.vidrio.engine.generation.Completion;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.engine.generation.TokenStream;
import dev.vidrio.model.generation.FinishReason;
import dev.vidrio.model.generation.GeneratedToken;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.server.http.ApiException;
import dev.vidrio.server.http.Failures;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** The answers to one HTTP request, which are generated together. Closing calls them off. */
public final class Streams implements AutoCloseable {
  private final List<TokenStream> streams = new ArrayList<>();

  /** Takes what comes of an answer; that of different answers comes on different threads. */
  @FunctionalInterface
  public interface TokenSink {
    void accept(int index, GeneratedToken token) throws IOException;

    /** Takes the end of an answer, while others may go on. */
    default void end(int index, Completion completion) throws IOException {}
  }

  /** Is told when the next token is not there yet. */
  @FunctionalInterface
  public interface Pause {
    void begin() throws IOException;
  }

  /**
   * Submits requests, each for some answers; all of them or none. Those that are more than run at a
   * time wait for their turn, but for beams, which are one search.
   */
  public static Streams submit(Engine engine, List<GenerationRequest> requests, int n) {
    int most = engine.options().sequences();
    var all = new Streams();
    try {
      for (GenerationRequest request : requests) {
        int together = request.beams() == null ? Math.min(n, most) : n;
        for (int from = 0; from < n; from += together) {
          all.streams.addAll(engine.submit(behind(request, from), Math.min(together, n - from)));
        }
      }
      return all;
    } catch (RuntimeException e) {
      all.close();
      throw e;
    }
  }

  /**
   * A request whose first answer draws the random numbers that another's answer of an index does.
   */
  private static GenerationRequest behind(GenerationRequest request, int index) {
    if (index == 0) {
      return request;
    }
    SamplingOptions sampling = request.options().sampling();
    return request.toBuilder()
        .options(request.options().withSampling(sampling.withSeed(sampling.seed() + index)))
        .build();
  }

  int size() {
    return streams.size();
  }

  /**
   * Waits for all answers.
   *
   * @throws ApiException 503 when one was called off
   */
  public List<Completion> results() {
    return whole(streams.stream().map(TokenStream::result).toList());
  }

  private static boolean isCanceled(Completion completion) {
    return completion.result().finish() == FinishReason.CANCELED;
  }

  /** Refuses answers that were called off for another reason than that their client has gone. */
  private static List<Completion> whole(List<Completion> completions) {
    if (completions.stream().anyMatch(Streams::isCanceled)) {
      throw Failures.shuttingDown();
    }
    return completions;
  }

  /**
   * Reads all answers as they come.
   *
   * @throws IOException when the sink does; the others are called off
   * @throws ApiException 503 when one was called off otherwise
   */
  public List<Completion> read(TokenSink sink, Pause pause) throws IOException {
    if (streams.size() == 1) {
      return whole(List.of(readOne(0, sink, pause)));
    }
    List<Future<Completion>> readers = new ArrayList<>();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < streams.size(); i++) {
        int index = i;
        readers.add(threads.submit(() -> readOne(index, sink, pause)));
      }
    }
    List<Completion> completions = new ArrayList<>();
    for (Future<Completion> reader : readers) {
      completions.add(joined(reader));
    }
    return whole(completions);
  }

  private Completion readOne(int index, TokenSink sink, Pause pause) throws IOException {
    TokenStream stream = streams.get(index);
    try {
      for (GeneratedToken token : stream) {
        sink.accept(index, token);
        if (!stream.isReady()) {
          pause.begin();
        }
      }
      Completion completion = stream.result();
      if (!isCanceled(completion)) {
        sink.end(index, completion);
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
