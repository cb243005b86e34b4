package dev.vidrio.formats.testfiles;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;

/** An open file of a {@link FaultyFileSystem}. */
final class FaultyChannel extends FileChannel {
  private final FaultyFileSystem files;
  private final FileChannel real;

  FaultyChannel(FaultyFileSystem files, FileChannel real) {
    this.files = files;
    this.real = real;
  }

  private FileChannel counted() throws IOException {
    files.operate();
    return real;
  }

  /** Transfers a part of a buffer. */
  private interface Transfer {
    int run(ByteBuffer part) throws IOException;
  }

  private int transfer(ByteBuffer bytes, Transfer transfer) throws IOException {
    files.operate();
    int length = Math.min(bytes.remaining(), files.transferLimit());
    int done = transfer.run(bytes.slice(bytes.position(), length));
    bytes.position(bytes.position() + Math.max(done, 0));
    return done;
  }

  @Override
  public int read(ByteBuffer bytes) throws IOException {
    return transfer(bytes, real::read);
  }

  @Override
  public int read(ByteBuffer bytes, long position) throws IOException {
    return transfer(bytes, part -> real.read(part, position));
  }

  @Override
  public int write(ByteBuffer bytes) throws IOException {
    return transfer(bytes, real::write);
  }

  @Override
  public int write(ByteBuffer bytes, long position) throws IOException {
    return transfer(bytes, part -> real.write(part, position));
  }

  @Override
  public long read(ByteBuffer[] bytes, int offset, int length) throws IOException {
    return read(bytes[offset]);
  }

  @Override
  public long write(ByteBuffer[] bytes, int offset, int length) throws IOException {
    return write(bytes[offset]);
  }

  @Override
  public MemorySegment map(MapMode mode, long offset, long size, Arena arena) throws IOException {
    return files.remember(counted().map(mode, offset, size, arena));
  }

  @Override
  public MappedByteBuffer map(MapMode mode, long position, long size) throws IOException {
    return counted().map(mode, position, size);
  }

  @Override
  public void force(boolean metadata) throws IOException {
    counted().force(metadata);
  }

  @Override
  public long size() throws IOException {
    return counted().size();
  }

  @Override
  public FileChannel truncate(long size) throws IOException {
    var _ = counted().truncate(size);
    return this;
  }

  @Override
  public long position() throws IOException {
    return real.position();
  }

  @Override
  public FileChannel position(long position) throws IOException {
    var _ = real.position(position);
    return this;
  }

  @Override
  public long transferTo(long position, long count, WritableByteChannel target) throws IOException {
    return counted().transferTo(position, count, target);
  }

  @Override
  public long transferFrom(ReadableByteChannel source, long position, long count)
      throws IOException {
    return counted().transferFrom(source, position, count);
  }

  @Override
  public FileLock lock(long position, long size, boolean shared) throws IOException {
    return counted().lock(position, size, shared);
  }

  @Override
  public FileLock tryLock(long position, long size, boolean shared) throws IOException {
    return counted().tryLock(position, size, shared);
  }

  /** Closes the file, and then may fail, as network file systems do. */
  @Override
  protected void implCloseChannel() throws IOException {
    real.close();
    files.operate();
  }
}
