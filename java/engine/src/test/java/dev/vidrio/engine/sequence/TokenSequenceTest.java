package dev.vidrio.engine.sequence;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vidrio.engine.BardCase;
import dev.vidrio.engine.generation.GenerationRequest;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.model.session.Session;
import dev.vidrio.model.session.SessionOptions;
import org.junit.jupiter.api.Test;

class TokenSequenceTest extends BardCase {
  /** Blocks found after a preemption do not count as cached prompt tokens. */
  @Test
  void countsCachedTokensOnce() {
    int[] prompt = prompt(1, 3 * KvCache.BLOCK);
    GenerationRequest request = GenerationRequest.builder(prompt).build();
    try (Session session = model.newSession(SessionOptions.DEFAULT)) {
      var prefixes = new PrefixBlocks(session.cache(), null);
      PrefixBlocks.Entry last = null;
      for (int i = 0; i < 2; i++) {
        int block = session.cache().acquire();
        last =
            prefixes.keep(
                last, new PrefixRoot(request.cacheSalt(), null), prompt, i * KvCache.BLOCK, block);
        session.cache().release(block);
      }
      var branch = new TokenSequence(request);
      for (int i = 0; i < 2; i++) {
        branch.begin(session.newSequence());
        branch.share(prefixes, PrefixCache.Room.NONE);
        assertEquals(2 * KvCache.BLOCK, branch.sequence().length());
        assertEquals(2 * KvCache.BLOCK, branch.cachedTokens());
        branch.stop();
      }
      prefixes.clear();
    }
  }
}
