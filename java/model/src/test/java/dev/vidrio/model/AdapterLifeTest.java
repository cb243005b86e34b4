package dev.vidrio.model;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.formats.gguf.GgmlType;
import dev.vidrio.formats.testfiles.TinyModel;
import dev.vidrio.kernel.Plan;
import dev.vidrio.kernel.weight.LowRank;
import dev.vidrio.model.testfiles.TinyAdapter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** Whom adapters belong to, and how long they live. */
class AdapterLifeTest extends AdapterCase {
  @Test
  void sequencesShareTheRoomOfTheSession() throws IOException {
    try (Model model = Model.open(tiny(GgmlType.F32))) {
      Adapter one = Adapter.open(model, TinyAdapter.write(directory.resolve("1.gguf"), 2, 1, 1));
      Adapter two = Adapter.open(model, TinyAdapter.write(directory.resolve("2.gguf"), 2, 1, 2));
      try (Session session = open(model, 1)) {
        Sequence first = session.newSequence();
        Sequence second = session.newSequence();
        assertTrue(session.hasRoomFor(one));
        first.adapt(new Adaptation(one, 1));
        assertTrue(session.hasRoomFor(one));
        assertFalse(session.hasRoomFor(two));
        second.adapt(new Adaptation(one, 2));
        assertRefused(
            "adapter "
                + two.name()
                + ": the session has room for 1, and sequences have as many others",
            () -> first.adapt(new Adaptation(two, 1)));
        assertEquals(new Adaptation(one, 1), first.adaptation());
        session.feed(first, 1, 2);
        assertRefused("adapter: the sequence has run 2 tokens without it", () -> first.adapt(null));
        try (Sequence fork = first.fork()) {
          assertEquals(first.adaptation(), fork.adaptation());
          first.close();
          second.close();
          assertNull(second.adaptation());
          assertFalse(session.hasRoomFor(two), "the fork has it still");
        }
        assertTrue(session.hasRoomFor(two));
      }
      try (Session session = open(model, 0);
          Sequence sequence = session.newSequence()) {
        assertFalse(session.hasRoomFor(one));
        assertRefused(
            "adapter " + one.name() + ": the session was opened without room for adapters",
            () -> sequence.adapt(new Adaptation(one, 1)));
      }
      assertRefused(
          "strength of adapter NaN: must be finite", () -> new Adaptation(one, Float.NaN));
    }
  }

  /** Sessions that share a cache take turns, and have one table between them. */
  @Test
  void anotherSessionRunsAdaptedSequencesToo() throws IOException {
    Path lora = TinyAdapter.write(directory.resolve("lora.gguf"), 3, 6, 1);
    try (Model model = Model.open(tiny(GgmlType.Q8_0));
        Adapter adapter = Adapter.open(model, lora);
        Session session = open(model, 1)) {
      var room = new SessionOptions(LENGTH, 8, 2, 8);
      Plan plan = model.architecture().plan();
      int[] expected = alone(session, adapted(adapter, 1), tokens(1), 1);
      try (Session other = model.newSession(room, plan, session)) {
        List<int[]> rows = new ArrayList<>();
        Sequence adapted = session.newSequence();
        adapted.adapt(new Adaptation(adapter, 1));
        Sequence plain = other.newSequence();
        for (int i = 0; i < LENGTH; i++) {
          Session turn = i % 2 == 0 ? session : other;
          Session waiting = i % 2 == 0 ? other : session;
          turn.begin();
          turn.add(adapted, tokens(1)[i], true);
          waiting.begin();
          waiting.add(plain, 1, false);
          turn.run();
          rows.add(bits(turn.logits(0)));
          waiting.run();
        }
        assertArrayEquals(expected, rows.stream().flatMapToInt(Arrays::stream).toArray());
      }
      assertRefused(
          "sequences 5: adapters are chosen for at most the 4 of the other session",
          () -> model.newSession(room.withSequences(5), plan, session).close());
      assertTrue(session.hasRoomFor(adapter), "the other session closed nothing");
    }
  }

  @Test
  void anAdapterBelongsToItsModel() throws IOException {
    Path lora = TinyAdapter.write(directory.resolve("lora.gguf"), 2, 1, 1);
    try (Model model = Model.open(tiny(GgmlType.F32));
        Model other = Model.open(tiny(GgmlType.F32));
        Adapter adapter = Adapter.open(other, lora);
        Session session = open(model, 1);
        Sequence sequence = session.newSequence()) {
      assertRefused(
          "adapter " + lora + ": was opened for " + other.name(),
          () -> sequence.adapt(new Adaptation(adapter, 1)));
    }
  }

  @Test
  void aClosedAdapterStaysUntilTheLastSequenceHasIt() throws IOException {
    Path lora = TinyAdapter.write(directory.resolve("lora.gguf"), 2, 1, 1);
    try (Model model = Model.open(tiny(GgmlType.F32));
        Session session = open(model, 1)) {
      Adapter adapter = Adapter.open(model, lora);
      LowRank update = Objects.requireNonNull(adapter.update("blk.0.attn_q.weight"));
      var adaptation = new Adaptation(adapter, 1);
      int[] expected = alone(session, adaptation, tokens(1), 16);
      try (Sequence sequence = session.newSequence()) {
        sequence.adapt(adaptation);
        adapter.close();
        adapter.close();
        Sequence another = session.newSequence();
        Exception e = assertThrows(IllegalStateException.class, () -> another.adapt(adaptation));
        assertEquals("the adapter " + lora + " is closed", e.getMessage());
        session.feed(sequence, tokens(1));
        assertArrayEquals(
            Arrays.copyOfRange(expected, expected.length - TinyModel.VOCABULARY, expected.length),
            bits(session.logits(0)));
      }
      assertThrows(IllegalStateException.class, () -> update.b().getAtIndex(JAVA_FLOAT, 0));
    }
  }

  @Test
  void aModelClosesItsAdapters() throws IOException {
    Path lora = TinyAdapter.write(directory.resolve("lora.gguf"), 2, 1, 1);
    Adapter adapter;
    try (Model model = Model.open(tiny(GgmlType.F32))) {
      adapter = Adapter.open(model, lora);
      Session session = open(model, 1);
      session.newSequence().adapt(new Adaptation(adapter, 1));
    }
    assertThrows(IllegalStateException.class, adapter::retain);
  }

  /** Parts of a step are those of the plan that the session was opened with. */
  @Test
  void aStepRunsInParts() throws IOException {
    Path lora = TinyAdapter.write(directory.resolve("lora.gguf"), 2, 4, 1);
    try (Model model = Model.open(tiny(GgmlType.Q8_0));
        Adapter adapter = Adapter.open(model, lora);
        Session session = model.newSession(options(1), model.architecture().plan())) {
      int[] whole = alone(session, adapted(adapter, 1), tokens(1), 16);
      int ops = model.architecture().plan().ops().size();
      try (Sequence sequence = session.newSequence()) {
        sequence.adapt(new Adaptation(adapter, 1));
        session.begin();
        session.add(sequence, tokens(1)[0], true);
        for (int i = 0; i < ops; i++) {
          session.run(i, i + 1);
        }
        assertArrayEquals(Arrays.copyOf(whole, TinyModel.VOCABULARY), bits(session.logits(0)));
        assertThrows(IndexOutOfBoundsException.class, () -> session.run(0, ops + 1));
      }
    }
  }
}
