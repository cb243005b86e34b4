package dev.vidrio.kernel.ffm;

import dev.vidrio.bindings.Vidrio;

/** Turns a vd_status into an exception. */
final class Status {
  private Status() {}

  static void check(int status, String what) {
    if (status == Vidrio.VD_OK()) {
      return;
    }
    if (status == Vidrio.VD_NO_MEMORY()) {
      throw new OutOfMemoryError(what + ": the system gave no memory");
    }
    if (status == Vidrio.VD_BLAS_MISSING()) {
      throw new NativeException(
          what
              + ": no OpenBLAS is loaded from here; name its file by -D"
              + Blas.PROPERTY
              + "=<file>");
    }
    throw new NativeException(what + ": " + Vidrio.vd_status_name(status).getString(0));
  }
}
