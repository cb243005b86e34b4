package dev.vidrio.cli.io;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Handles signals while it is open, so that they do not end the process. Uses reflection, because
 * the compiler warns of {@code sun.misc.Signal}, the only API of the JDK for signals.
 */
public final class Interrupt implements AutoCloseable {
  private final Method handle;
  private final Map<Object, Object> before = new LinkedHashMap<>();

  private Interrupt(Runnable action, String... names) throws ReflectiveOperationException {
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
    for (String name : names) {
      Object signal = signals.getConstructor(String.class).newInstance(name);
      before.put(signal, handle.invoke(null, signal, handler));
    }
  }

  /** Runs the action, on a new thread, for each Ctrl-C. */
  public static Interrupt handle(Runnable action) {
    return handle(action, "INT");
  }

  /** Runs the action, on a new thread, for each Ctrl-C and each SIGTERM. */
  public static Interrupt handleEnd(Runnable action) {
    return handle(action, "INT", "TERM");
  }

  private static Interrupt handle(Runnable action, String... names) {
    try {
      return new Interrupt(action, names);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("this JDK has no sun.misc.Signal", e);
    }
  }

  /** Restores the previous handlers. */
  @Override
  public void close() {
    before.forEach(
        (signal, handler) -> {
          try {
            var _ = handle.invoke(null, signal, handler);
          } catch (IllegalAccessException | InvocationTargetException e) {
            throw new IllegalStateException(e);
          }
        });
  }
}
