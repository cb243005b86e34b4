package dev.vidrio.kernel.ffm;

import dev.vidrio.bindings.Vidrio;

/** Converts a vd_status to an exception. */
final class Status {
  private Status() {}

  static void check(int status, String what) {
    if (status == Vidrio.VD_OK()) {
      return;
    }
    if (status == Vidrio.VD_NO_MEMORY()) {
      throw new OutOfMemoryError(what + ": out of native memory");
    }
    if (status == Vidrio.VD_BLAS_MISSING()) {
      throw new NativeException(what + ": OpenBLAS is not loaded, or the file is not OpenBLAS");
    }
    if (status == Vidrio.VD_TRUNCATED()) {
      throw new NativeException(
          what + ": a model file was truncated while it was open; replace files by renaming");
    }
    throw new NativeException(what + ": " + name(status));
  }

  /** Returns the name of a status, such as "VD_OK". */
  static String name(int status) {
    return Vidrio.vd_status_name(status).getString(0);
  }
}
