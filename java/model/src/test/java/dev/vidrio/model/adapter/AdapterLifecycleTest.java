package dev.vidrio.model.adapter;

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
import dev.vidrio.model.Model;
import dev.vidrio.model.session.Sequence;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import dev.vidrio.model.testfiles.TinyAdapter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;

/** Tests the ownership and lifetime of adapters. */
class AdapterLifecycleTest extends AdapterCase {
  @Test
  void sequencesShareTheAdapterSlotsOfTheSession() throws IOException {
    try (Model model = Model.open(tiny(GgmlType.F32))) {
      Adapter one = model.openAdapter(TinyAdapter.write(directory.resolve("1.gguf"), 2, 1, 1));
      Adapter two = model.openAdapter(TinyAdapter.write(directory.resolve("2.gguf"), 2, 1, 2));
      try (Session session = open(model, 1)) {
        Sequence first = session.newSequence();
        Sequence second = session.newSequence();
        assertTrue(session.hasRoomFor(one));
        first.adapt(new Adaptation(one, 1));
        assertTrue(session.hasRoomFor(one));
        assertFalse(session.hasRoomFor(two));
        second.adapt(new Adaptation(one, 2));
        assertRejected(
            "adapter " + two.name() + ": all adapter slots of the session are in use: 1",
            () -> first.adapt(new Adaptation(two, 1)));
        assertEquals(new Adaptation(one, 1), first.adaptation());
        session.feed(first, 1, 2);
        assertRejected(
            "adapter: the sequence has run 2 tokens without it", () -> first.adapt(null));
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
        assertRejected(
            "adapter " + one.name() + ": the session was opened without adapter slots",
            () -> sequence.adapt(new Adaptation(one, 1)));
      }
      assertRejected(
          "strength of adapter NaN: must be finite", () -> new Adaptation(one, Float.NaN));
    }
  }

  /** Sessions that share a cache alternate and share one table. */
  @Test
  void sharedSessionRunsAdaptedSequences() throws IOException {
    Path lora = TinyAdapter.write(directory.resolve("lora.gguf"), 3, 6, 1);
    try (Model model = Model.open(tiny(GgmlType.Q8_0));
        Adapter adapter = model.openAdapter(lora);
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
      assertRejected(
          "sequences 5: must be at most the 4 of the other session, which has adapters",
          () -> model.newSession(room.withSequences(5), plan, session).close());
      assertTrue(session.hasRoomFor(adapter), "the other session closed nothing");
    }
  }

  @Test
  void rejectsAdapterOfAnotherModel() throws IOException {
    Path lora = TinyAdapter.write(directory.resolve("lora.gguf"), 2, 1, 1);
    try (Model model = Model.open(tiny(GgmlType.F32));
        Model other = Model.open(tiny(GgmlType.F32));
        Adapter adapter = other.openAdapter(lora);
        Session session = open(model, 1);
        Sequence sequence = session.newSequence()) {
      assertRejected(
          "adapter " + lora + ": was opened for " + other.name(),
          () -> sequence.adapt(new Adaptation(adapter, 1)));
    }
  }

  @Test
  void closedAdapterLivesUntilItsLastSequenceEnds() throws IOException {
    Path lora = TinyAdapter.write(directory.resolve("lora.gguf"), 2, 1, 1);
    try (Model model = Model.open(tiny(GgmlType.F32));
        Session session = open(model, 1)) {
      Adapter adapter = model.openAdapter(lora);
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
  void modelClosesItsAdapters() throws IOException {
    Path lora = TinyAdapter.write(directory.resolve("lora.gguf"), 2, 1, 1);
    Adapter adapter;
    try (Model model = Model.open(tiny(GgmlType.F32))) {
      adapter = model.openAdapter(lora);
      Session session = open(model, 1);
      session.newSequence().adapt(new Adaptation(adapter, 1));
    }
    assertThrows(IllegalStateException.class, adapter::retain);
  }

  /** Parts of a step are indexed by the operations of the original plan. */
  @Test
  void runsAStepInParts() throws IOException {
    Path lora = TinyAdapter.write(directory.resolve("lora.gguf"), 2, 4, 1);
    try (Model model = Model.open(tiny(GgmlType.Q8_0));
        Adapter adapter = model.openAdapter(lora);
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
