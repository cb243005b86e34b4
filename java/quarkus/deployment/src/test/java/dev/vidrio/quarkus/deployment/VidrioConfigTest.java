package dev.vidrio.quarkus.deployment;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.vidrio.quarkus.VidrioConfig;
import dev.vidrio.spring.autoconfigure.VidrioProperties;
import io.smallrye.config.WithDefault;
import java.lang.reflect.Method;
import java.lang.reflect.RecordComponent;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.springframework.boot.context.properties.bind.DefaultValue;

class VidrioConfigTest {
  @Test
  void hasThePropertiesOfTheSpringBootStarter() throws NoSuchMethodException {
    Map<String, String> expected = new TreeMap<>();
    putComponents(expected, "", VidrioProperties.class);
    // Spring appends the unit of sizes, Quarkus does not know it.
    for (String size : List.of("cacheSize", "cacheDirectorySize")) {
      expected.computeIfPresent(size, (name, value) -> value.replace("B", ""));
    }
    Map<String, String> actual = new TreeMap<>();
    putMethods(actual, "", VidrioConfig.class);
    assertEquals(expected, actual);
  }

  /** Adds the names and defaults of a record's components. */
  private static void putComponents(Map<String, String> properties, String prefix, Class<?> type)
      throws NoSuchMethodException {
    RecordComponent[] components = type.getRecordComponents();
    Class<?>[] types = new Class<?>[components.length];
    for (int i = 0; i < components.length; i++) {
      types[i] = components[i].getType();
    }
    var parameters = type.getDeclaredConstructor(types).getParameters();
    for (int i = 0; i < components.length; i++) {
      String name = prefix + components[i].getName();
      DefaultValue value = parameters[i].getAnnotation(DefaultValue.class);
      if (types[i].isRecord()) {
        putComponents(properties, name + ".", types[i]);
      } else {
        properties.put(name, value == null ? "" : String.join(",", value.value()));
      }
    }
  }

  private static void putMethods(Map<String, String> properties, String prefix, Class<?> type) {
    for (Method method : type.getDeclaredMethods()) {
      String name = prefix + method.getName();
      WithDefault value = method.getAnnotation(WithDefault.class);
      if (method.getReturnType().getEnclosingClass() == VidrioConfig.class) {
        putMethods(properties, name + ".", method.getReturnType());
      } else {
        properties.put(name, value == null ? "" : value.value());
      }
    }
  }
}
