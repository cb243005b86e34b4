package dev.vidrio.spark;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;

/**
 * Tests on two threads of this process, or, with the profile "full", on a local cluster of two
 * workers with one executor each, in separate processes.
 */
@Timeout(600)
abstract class SparkCase {
  private static final boolean FULL = Boolean.getBoolean("vidrio.test.full");

  static SparkSession spark;

  @BeforeAll
  static void start() throws IOException {
    Files.createDirectories(Path.of(System.getenv("SPARK_HOME"), "jars"));
    spark =
        SparkSession.builder()
            .appName("vidrio")
            .master(FULL ? "local-cluster[2,1,1024]" : "local[2]")
            .config("spark.ui.enabled", false)
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.task.maxFailures", 1)
            // Workers of a busy machine must not count as lost.
            .config("spark.worker.timeout", 600)
            .config("spark.network.timeout", "600s")
            .config("spark.sql.shuffle.partitions", 2)
            .config("spark.sql.artifact.isolation.enabled", false)
            .config("spark.executor.extraClassPath", System.getProperty("java.class.path"))
            .config(
                "spark.executor.extraJavaOptions",
                // Executors end before the code of C2 would pay.
                "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Dvidrio.library.path="
                    + System.getProperty("vidrio.library.path"))
            .getOrCreate();
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }
}
