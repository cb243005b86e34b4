package dev.vidrio.cli;

import java.lang.reflect.Method;
import java.lang.reflect.Proxy;

/**
 * Takes Ctrl-C while it is open, so that it does not end the program. The JDK has signals only in
 * {@code sun.misc.Signal}, which the compiler cannot name without a warning.
 */
final class Interrupt implements AutoCloseable {
  private final Method handle;
  private final Object signal;
  private final Object before;

  private Interrupt(Runnable action) throws ReflectiveOperationException {
    Class<?> signals = Class.forName("sun.misc.Signal");
    Class<?> handlers = Class.forName("sun.misc.SignalHandler");
    Object handler =
        Proxy.newProxyInstance(
            Interrupt.class.getClassLoader(),
            new Class<?>[] {handlers},
            (proxy, method, arguments) -> {
              action.run();
              return null;
            });
    this.handle = signals.getMethod("handle", signals, handlers);
    this.signal = signals.getConstructor(String.class).newInstance("INT");
    this.before = handle.invoke(null, signal, handler);
  }

  /** Runs the action, on a thread of its own, for each Ctrl-C. */
  static Interrupt handle(Runnable action) {
    try {
      return new Interrupt(action);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("this JDK has no sun.misc.Signal", e);
    }
  }

  /** Gives Ctrl-C its meaning back. */
  @Override
  public void close() {
    try {
      var _ = handle.invoke(null, signal, before);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }
}
