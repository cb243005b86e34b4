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

/** Runs texts side by side, perhaps goes on with them, and keeps activations of all tokens. */
final class CacheRun implements AutoCloseable {
  /** Tokens of a step. */
  private static final int BATCH = 512;

  private final Model model;
  private final LensSession session;
  private final List<Running> texts = new ArrayList<>();

  /** A text, its tokens that have not run, and what chooses those after it. */
  private static final class Running {
    final Sequence sequence;
    final Deque<Integer> waiting = new ArrayDeque<>();
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
      waiting.add(token);
      sampler.accept(token);
    }
  }

  /**
   * Runs them.
   *
   * @param edits of each text
   * @param generated tokens after each text, at most; all of them run, the last one too
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
        var sampler = new Sampler(sampling, model.architecture().vocabulary());
        var text = new Running(session.newSequence(), texts.get(i), sampler, generated);
        edits.get(i).forEach(edit -> all.add(edit.in(text.sequence)));
        this.texts.add(text);
      }
      session.edits(all);
      while (this.texts.stream().anyMatch(text -> !text.waiting.isEmpty())) {
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
    int batch = Math.clamp(tokens, texts.size(), Math.max(BATCH, texts.size()));
    var options = new SessionOptions(longest + generated, batch, texts.size(), texts.size());
    String editable =
        edits.stream()
            .flatMap(List::stream)
            .map(edit -> edit.point().name())
            .distinct()
            .collect(Collectors.joining(","));
    return editable.isEmpty() ? lens.open(capture, options) : lens.open(capture, options, editable);
  }

  /** As many waiting tokens as fit; then what follows those texts that are at their end. */
  private void step() {
    session.begin();
    List<Running> ended = new ArrayList<>();
    int room = session.limits().tokens();
    for (Running text : texts) {
      for (; room > 0 && !text.waiting.isEmpty(); room--) {
        int token = text.waiting.remove();
        boolean last = text.waiting.isEmpty();
        if (last && ended.size() == session.limits().logits()) {
          text.waiting.add(token);
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
      goOn(ended.get(i), i);
    }
  }

  private void goOn(Running text, int row) {
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

  /** What was kept of each text; valid until this is closed. */
  List<ActivationCache> caches() {
    return texts.stream().map(text -> session.cache(text.sequence)).toList();
  }

  @Override
  public void close() {
    session.close();
  }
}
