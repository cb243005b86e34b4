package dev.vidrio.engine.sequence;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.vidrio.formats.testfiles.BardFiles;
import dev.vidrio.kernel.KvCache;
import dev.vidrio.model.Model;
import dev.vidrio.model.session.SessionOptions;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class PrefixBlocksTest {
  private final Model model = Model.open(BardFiles.q8());
  private final KvCache cache = model.newSession(SessionOptions.DEFAULT).cache();
  private final PrefixBlocks prefixes = new PrefixBlocks(cache, null);
  private final int[] tokens = IntStream.range(0, 3 * KvCache.BLOCK).toArray();

  @AfterEach
  void close() {
    model.close();
  }

  /** Caches the first blocks of the tokens, which have no other owner. */
  private PrefixBlocks.Entry keep(int blocks, String root) {
    PrefixBlocks.Entry last = null;
    for (int i = 0; i < blocks; i++) {
      int block = cache.acquire();
      last = prefixes.keep(last, root, tokens, i * KvCache.BLOCK, block);
      cache.release(block);
    }
    assertNotNull(last);
    return last;
  }

  @Test
  void findsBlocksByTheirWholePrefix() {
    keep(2, "");
    PrefixBlocks.Entry first = prefixes.find(null, "", tokens, 0);
    assertNotNull(first);
    assertNotNull(prefixes.find(first, "", tokens, KvCache.BLOCK));
    assertNull(prefixes.find(first, "", tokens, 2 * KvCache.BLOCK));
    assertNull(prefixes.find(null, "", tokens, KvCache.BLOCK));
    assertNull(prefixes.find(null, "other", tokens, 0));
    tokens[KvCache.BLOCK - 1]++;
    assertNull(prefixes.find(null, "", tokens, 0));
    prefixes.clear();
    assertEquals(cache.blocks(), cache.freeBlocks());
  }

  @Test
  void keepsEqualTokensOnce() {
    PrefixBlocks.Entry first = keep(1, "");
    assertSame(first, keep(1, ""));
    assertEquals(cache.blocks() - 1, cache.freeBlocks());
    prefixes.clear();
  }

  @Test
  void evictsChildrenBeforeParents() {
    keep(3, "a");
    keep(1, "b");
    PrefixBlocks.Entry first = prefixes.find(null, "a", tokens, 0);
    assertNotNull(first);
    PrefixBlocks.Entry second = prefixes.find(first, "a", tokens, KvCache.BLOCK);
    assertNotNull(second);
    // The third is the least recently used, then "b", then the second: the first counts as used
    // after
    // it.
    assertTrue(prefixes.evict());
    assertNull(prefixes.find(second, "a", tokens, 2 * KvCache.BLOCK));
    assertTrue(prefixes.evict());
    assertNull(prefixes.find(null, "b", tokens, 0));
    assertTrue(prefixes.evict());
    assertNull(prefixes.find(first, "a", tokens, KvCache.BLOCK));
    assertNotNull(prefixes.find(null, "a", tokens, 0));
    prefixes.clear();
  }

  @Test
  void doesNotEvictOwnedBlocks() {
    PrefixBlocks.Entry entry = keep(1, "");
    cache.retain(entry.block);
    assertEquals(0, prefixes.evictable());
    assertFalse(prefixes.evict());
    cache.release(entry.block);
    assertEquals(1, prefixes.evictable());
    assertTrue(prefixes.evict());
    assertFalse(prefixes.evict());
  }
}
