package dev.vidrio.cli.lens;

import dev.vidrio.error.InvalidInputException;
import dev.vidrio.lens.Capture;
import dev.vidrio.lens.Lens;
import dev.vidrio.lens.LensSession;
import dev.vidrio.lens.hook.ActivationCache;
import dev.vidrio.lens.hook.Intervention;
import dev.vidrio.model.Model;
import dev.vidrio.model.sampling.Sampler;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.SessionOptions;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.stream.Collectors;

/** Runs texts in one batch, generates tokens after them, and captures all activations. */
final class CacheRun implements AutoCloseable {
  /** Tokens per step, at most. */
  private static final int BATCH = 512;

  private final Model model;
  private final LensSession session;
  private final List<Running> texts = new ArrayList<>();

  /** A text, its pending tokens, and its sampler. */
  private static final class Running {
    final Sequence sequence;
    final Deque<Integer> pending = new ArrayDeque<>();
    final Sampler sampler;
    int wanted;

    Running(Sequence sequence, int[] tokens, Sampler sampler, int wanted) {
      this.sequence = sequence;
      this.sampler = sampler;
      this.wanted = wanted;
      for (int token : tokens) {
        accept(token);
      }
    }

    void accept(int token) {
      pending.add(token);
      sampler.accept(token);
    }
  }

  /**
   * Runs the texts.
   *
   * @param edits the edits of each text
   * @param generated the maximum number of tokens to generate after each text; the last one runs
   *     too
   */
  CacheRun(
      Lens lens,
      Capture capture,
      List<int[]> texts,
      List<List<Intervention>> edits,
      int generated,
      SamplingOptions sampling) {
    this.model = lens.model();
    this.session = open(lens, capture, texts, edits, generated);
    try {
      List<Intervention> all = new ArrayList<>();
      for (int i = 0; i < texts.size(); i++) {
        var sampler = Sampler.of(model.loaded(), sampling);
        var text = new Running(session.newSequence(), texts.get(i), sampler, generated);
        edits.get(i).forEach(edit -> all.add(edit.in(text.sequence)));
        this.texts.add(text);
      }
      session.edits(all);
      while (this.texts.stream().anyMatch(text -> !text.pending.isEmpty())) {
        step();
      }
    } catch (Throwable e) {
      session.close();
      throw e;
    }
  }

  private static LensSession open(
      Lens lens,
      Capture capture,
      List<int[]> texts,
      List<List<Intervention>> edits,
      int generated) {
    int longest = texts.stream().mapToInt(tokens -> tokens.length).max().orElseThrow();
    int declared = lens.model().architecture().contextLength();
    if (generated < 0 || longest > declared - generated) {
      throw new InvalidInputException(
          "text",
          longest + " tokens and " + generated + " more",
          "must have 1 to " + declared + " tokens");
    }
    long tokens = texts.stream().mapToLong(text -> text.length).sum();
    int batch =
        lens.model().architecture().isEncoder()
            ? Math.toIntExact(tokens)
            : Math.clamp(tokens, texts.size(), Math.max(BATCH, texts.size()));
    var options = SessionOptions.exact(longest + generated, batch, texts.size(), texts.size());
    String editable =
        edits.stream()
            .flatMap(List::stream)
            .map(edit -> edit.point().name())
            .distinct()
            .collect(Collectors.joining(","));
    return editable.isEmpty() ? lens.open(capture, options) : lens.open(capture, options, editable);
  }

  /** Runs as many pending tokens as fit, and samples after each text that is complete. */
  private void step() {
    session.begin();
    List<Running> ended = new ArrayList<>();
    int capacity = session.limits().tokens();
    for (Running text : texts) {
      for (; capacity > 0 && !text.pending.isEmpty(); capacity--) {
        int token = text.pending.remove();
        boolean last = text.pending.isEmpty();
        if (last && ended.size() == session.limits().logits()) {
          text.pending.add(token);
          break;
        }
        session.add(text.sequence, token, last);
        if (last) {
          ended.add(text);
        }
      }
    }
    session.run();
    for (int i = 0; i < ended.size(); i++) {
      sample(ended.get(i), i);
    }
  }

  private void sample(Running text, int row) {
    if (text.wanted == 0) {
      return;
    }
    text.wanted--;
    int token = text.sampler.sample(session.candidates(row), session.logits(row));
    if (model.tokenizer().isEndOfGeneration(token)) {
      text.wanted = 0;
    } else {
      text.accept(token);
    }
  }

  /** Returns the activations of each text; valid until this is closed. */
  List<ActivationCache> caches() {
    return texts.stream().map(text -> session.cache(text.sequence)).toList();
  }

  @Override
  public void close() {
    session.close();
  }
}
