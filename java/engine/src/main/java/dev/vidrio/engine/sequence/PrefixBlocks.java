package dev.vidrio.engine.sequence;

import dev.vidrio.kernel.KvCache;
import dev.vidrio.model.state.StateDirectory;
import dev.vidrio.model.state.StateDirectory.Kind;
import dev.vidrio.model.state.StateKey;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
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
    // The address on disk; null if it is kept in memory only.
    private final @Nullable StateKey address;
    private boolean evicted;

    private Entry(Key key, int block, @Nullable StateKey address) {
      this.key = key;
      this.block = block;
      this.address = address;
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
  private final @Nullable PrefixDisk disk;
  // From the least to the most recently used.
  private final Map<Key, Entry> entries = new LinkedHashMap<>(16, 0.75f, true);

  /**
   * Creates an empty cache.
   *
   * @param disk keeps blocks for later processes; null for none
   */
  public PrefixBlocks(KvCache cache, @Nullable PrefixDisk disk) {
    this.cache = cache;
    this.disk = disk;
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
      StateKey before = addressBefore(parent, root);
      entry = add(key, addressOf(key, before), block);
      cache.retain(block);
      if (disk != null && before != null) {
        disk.offer(new BlockWrite(disk, entry, before, from + KvCache.BLOCK));
      }
    }
    touch(parent);
    return entry;
  }

  private Entry add(Key key, @Nullable StateKey address, int block) {
    var entry = new Entry(key, block, address);
    entries.put(key, entry);
    return entry;
  }

  /** Returns the address of a block after another, or null if that one has none. */
  private static @Nullable StateKey addressOf(Key key, @Nullable StateKey before) {
    int[] ids = key.tokens.ids;
    return before == null ? null : before.next(ids, 0, ids.length);
  }

  /** Returns the address of the block before, or null if blocks after it are not on disk. */
  private @Nullable StateKey addressBefore(@Nullable Entry parent, Object root) {
    return parent != null ? parent.address : disk == null ? null : disk.root(root);
  }

  /**
   * Loads a block from disk as {@link #find} finds it; returns null if there is none, or no room.
   */
  @Nullable Entry load(@Nullable Entry parent, Object root, int[] tokens, int from, Room room) {
    StateKey before = addressBefore(parent, root);
    if (disk == null || before == null || !room.hasBlock()) {
      return null;
    }
    int block = cache.acquire();
    Key key = key(parent, root, tokens, from);
    StateKey address = Objects.requireNonNull(addressOf(key, before));
    if (!disk.read(
        disk.address(Kind.BLOCK, address, before, from + KvCache.BLOCK), cache.block(block))) {
      cache.release(block);
      return null;
    }
    touch(parent);
    return add(key, address, block);
  }

  /** Writes a block that is still cached to disk. */
  private final class BlockWrite implements PrefixDisk.Write {
    private final Entry entry;
    private final StateDirectory.Address address;

    BlockWrite(PrefixDisk disk, Entry entry, StateKey before, int positions) {
      this.entry = entry;
      StateKey key = Objects.requireNonNull(entry.address);
      this.address = disk.address(Kind.BLOCK, key, before, positions);
    }

    @Override
    public StateDirectory.Address address() {
      return address;
    }

    @Override
    public boolean isNeeded() {
      return !entry.evicted;
    }

    @Override
    public List<MemorySegment> pin() {
      cache.retain(entry.block);
      return cache.block(entry.block);
    }

    @Override
    public void unpin() {
      cache.release(entry.block);
    }
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
  public boolean share(TokenSequence tokens, Room room) {
    return tokens.share(this, room);
  }

  @Override
  public void keep(TokenSequence tokens) {
    tokens.keep(this);
  }

  /** {@inheritDoc} Evicts the least recently used block. */
  @Override
  public boolean evict() {
    return evictUnshared() || (disk != null && disk.awaitWrite() && evictUnshared());
  }

  private boolean evictUnshared() {
    for (Iterator<Entry> i = entries.values().iterator(); i.hasNext(); ) {
      Entry entry = i.next();
      if (!cache.isShared(entry.block)) {
        i.remove();
        entry.evicted = true;
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
    for (Entry entry : entries.values()) {
      entry.evicted = true;
      cache.release(entry.block);
    }
    entries.clear();
  }
}
