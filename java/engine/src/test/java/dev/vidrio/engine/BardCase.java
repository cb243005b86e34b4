package dev.vidrio.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.model.Model;
import dev.vidrio.model.generation.GenerationOptions;
import dev.vidrio.model.sampling.SamplingOptions;
import dev.vidrio.model.testfiles.HeldExecutor;
import java.time.Duration;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;

/** The base of tests with the bard model, which is open during the tests of a class. */
public abstract class BardCase {
  protected static Model model;

  private static HeldExecutor steps;

  protected BardCase() {}

  @BeforeAll
  static void open() {
    steps = new HeldExecutor();
    model = steps.open(BardFiles.q8());
  }

  @AfterEach
  void releaseHeldSteps() {
    release();
  }

  /** Holds all steps of the bard after the first ones, until the end of the test. */
  protected static void hold(int first) {
    steps.hold(first);
  }

  /** Waits until a step is held. */
  protected static void awaitHeld() throws InterruptedException {
    steps.awaitHeld();
  }

  /** Releases held steps. */
  protected static void release() {
    steps.release();
  }

  @AfterAll
  static void close() {
    model.close();
  }

  /** Returns a prompt of a length in tokens. */
  protected static int[] prompt(int seed, int length) {
    return prompt(model, seed, length);
  }

  private static int[] prompt(Model of, int seed, int length) {
    return new Random(seed).ints(length, 0, of.architecture().vocabulary()).toArray();
  }

  /** Returns a greedy request for a number of tokens after such a prompt. */
  protected static GenerationRequest request(Model of, int seed, int length, int tokens) {
    return GenerationRequest.builder(prompt(of, seed, length))
        .options(
            GenerationOptions.DEFAULT
                .withTokens(tokens)
                .withIgnoreEnd(true)
                .withSampling(SamplingOptions.GREEDY))
        .build();
  }

  /** Returns options of an engine with a number of cache blocks. */
  protected static EngineOptions withBlocks(int blocks) {
    long block = KvCache.bytes(model.architecture().kvShape(), EngineOptions.DEFAULT.kvType(), 1);
    return EngineOptions.DEFAULT.withCacheBytes(blocks * block);
  }

  protected static void assertNoMemoryIsHeld(Engine engine) throws InterruptedException {
    assertTrue(engine.drain(Duration.ofSeconds(60)));
    engine.close();
    EngineStatus status = engine.status();
    assertEquals(0, status.running());
    assertEquals(0, status.waiting());
    assertEquals(0, status.usedBlocks());
    assertEquals(0, status.cachedBlocks());
    assertEquals(0, status.usedSlots());
    assertEquals(0, status.cachedSlots());
  }
}
