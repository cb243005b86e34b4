package example;

import org.jspecify.annotations.Nullable;
import org.springframework.ai.chat.client.AdvisorParams;
import org.springframework.ai.chat.client.ChatClient;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;
import reactor.core.publisher.Flux;

/** A service that answers questions with a model in its own process. */
@SpringBootApplication
@RestController
public class AnswerService {
  private final ChatClient client;

  AnswerService(ChatClient.Builder builder) {
    client = builder.build();
  }

  /** Starts the service. */
  public static void main(String[] arguments) {
    SpringApplication.run(AnswerService.class, arguments);
  }

  /** Streams an answer. */
  @GetMapping(path = "/answer", produces = "text/plain")
  Flux<String> answer(@RequestParam String question) {
    return client.prompt(question).stream().content();
  }

  /** Returns the capital of a country. The model can only write JSON that matches the record. */
  @GetMapping("/capital")
  @Nullable Capital capital(@RequestParam String country) {
    return client
        .prompt("What is the capital of " + country + "?")
        .advisors(AdvisorParams.ENABLE_NATIVE_STRUCTURED_OUTPUT)
        .call()
        .entity(Capital.class);
  }

  /**
   * A capital.
   *
   * @param city its name
   */
  record Capital(String city) {}
}
