package dev.vidrio.quarkus;

import dev.vidrio.kernel.ffm.NativeLibrary;
import io.quarkus.runtime.configuration.ConfigBuilder;
import io.smallrye.config.SmallRyeConfigBuilder;

/**
 * Excludes the system property of the native library from {@link VidrioConfig}, which rejects
 * unknown properties under {@code vidrio}.
 */
public final class SystemPropertyFilter implements ConfigBuilder {
  /** Creates the filter. */
  public SystemPropertyFilter() {}

  @Override
  public SmallRyeConfigBuilder configBuilder(SmallRyeConfigBuilder builder) {
    return builder.withMappingIgnore(NativeLibrary.PROPERTY);
  }
}
