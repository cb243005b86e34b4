package dev.vidrio.engine.sequence;

import dev.vidrio.kernel.KvCache;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Keeps full blocks of the key-value cache for sequences that begin with the same tokens (Kwon et
 * al. 2023, arXiv 2309.06180; Zheng et al. 2023, arXiv 2312.07104). A block is found by its tokens
 * and its parent block; tokens are compared, not only hashed. The least recently used block is
 * evicted first. Using a block also counts as using its parents, so a block is never evicted before
 * its children. Not thread-safe.
 */
public final class PrefixBlocks implements PrefixCache {
  /** A cached block, compared by identity. */
  static final class Entry {
    private final Key key;
    final int block;

    private Entry(Key key, int block) {
      this.key = key;
      this.block = block;
    }
  }

  /**
   * The key of a block.
   *
   * @param parent the block before, or null for the first
   * @param root for the first block, what its keys and values depend on in addition to the tokens;
   *     otherwise null
   * @param tokens the tokens of the block
   */
  private record Key(@Nullable Entry parent, @Nullable Object root, Tokens tokens) {}

  /** The tokens of a block. */
  private static final class Tokens {
    private final int[] ids;

    Tokens(int[] ids) {
      this.ids = ids;
    }

    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof Tokens tokens && Arrays.equals(ids, tokens.ids);
    }

    @Override
    public int hashCode() {
      return Arrays.hashCode(ids);
    }
  }

  private final KvCache cache;
  // From the least to the most recently used.
  private final Map<Key, Entry> entries = new LinkedHashMap<>(16, 0.75f, true);

  /** Creates an empty cache. */
  public PrefixBlocks(KvCache cache) {
    this.cache = cache;
  }

  /**
   * Returns the block after {@code parent} with the tokens {@code [from, from + KvCache.BLOCK)}, or
   * null.
   */
  @Nullable Entry find(@Nullable Entry parent, Object root, int[] tokens, int from) {
    Entry entry = entries.get(key(parent, root, tokens, from));
    if (entry != null) {
      touch(parent);
    }
    return entry;
  }

  /** Adds a block, unless one with equal tokens is cached, and returns the cached one. */
  Entry keep(@Nullable Entry parent, Object root, int[] tokens, int from, int block) {
    Key key = key(parent, root, tokens, from);
    Entry entry = entries.get(key);
    if (entry == null) {
      entry = new Entry(key, block);
      entries.put(key, entry);
      cache.retain(block);
    }
    touch(parent);
    return entry;
  }

  private static Key key(@Nullable Entry parent, Object root, int[] tokens, int from) {
    var ids = new Tokens(Arrays.copyOfRange(tokens, from, from + KvCache.BLOCK));
    return new Key(parent, parent == null ? root : null, ids);
  }

  /** Marks a block and its parents as used, the parents last. */
  private void touch(@Nullable Entry entry) {
    for (Entry each = entry; each != null; each = each.key.parent) {
      var _ = entries.get(each.key);
    }
  }

  @Override
  public void share(TokenSequence tokens) {
    tokens.share(this);
  }

  @Override
  public void keep(TokenSequence tokens) {
    tokens.keep(this);
  }

  /** {@inheritDoc} Evicts the least recently used block. */
  @Override
  public boolean evict() {
    for (Iterator<Entry> i = entries.values().iterator(); i.hasNext(); ) {
      Entry entry = i.next();
      if (!cache.isShared(entry.block)) {
        i.remove();
        cache.release(entry.block);
        return true;
      }
    }
    return false;
  }

  @Override
  public int evictable() {
    return (int) entries.values().stream().filter(entry -> !cache.isShared(entry.block)).count();
  }

  @Override
  public void clear() {
    entries.values().forEach(entry -> cache.release(entry.block));
    entries.clear();
  }
}
