package dev.vidrio.quarkus.deployment;

import io.quarkus.runtime.annotations.ConfigPhase;
import io.quarkus.runtime.annotations.ConfigRoot;
import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;

/** The properties under {@code vidrio.health}, which are fixed when an application is built. */
@ConfigMapping(prefix = "vidrio.health")
@ConfigRoot(phase = ConfigPhase.BUILD_TIME)
public interface HealthBuildConfig {
  /** If true, and the application has health checks, its readiness includes the engine's. */
  @WithDefault("true")
  boolean enabled();
}
