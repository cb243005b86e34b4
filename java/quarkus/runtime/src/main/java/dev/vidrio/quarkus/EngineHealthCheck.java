package dev.vidrio.quarkus;

import dev.vidrio.engine.Engine;
import dev.vidrio.engine.EngineStatus;
import jakarta.inject.Singleton;
import org.eclipse.microprofile.health.HealthCheck;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.eclipse.microprofile.health.Readiness;

/** The readiness of an engine: up while it accepts requests, down while it drains. */
@Readiness
@Singleton
public class EngineHealthCheck implements HealthCheck {
  private final Engine engine;

  EngineHealthCheck(Engine engine) {
    this.engine = engine;
  }

  @Override
  public HealthCheckResponse call() {
    EngineStatus status = engine.status();
    return HealthCheckResponse.named("vidrio")
        .status(!engine.isDraining())
        .withData("model", engine.model().name())
        .withData("running", status.running())
        .withData("waiting", status.waiting())
        .withData("usedBlocks", status.usedBlocks())
        .withData("blocks", status.blocks())
        .build();
  }
}
