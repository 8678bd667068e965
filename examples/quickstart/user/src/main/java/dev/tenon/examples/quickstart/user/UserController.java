package dev.tenon.examples.quickstart.user;

import dev.tenon.examples.quickstart.messages.User;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotBlank;
import jakarta.validation.constraints.NotEmpty;
import jakarta.validation.constraints.Size;
import java.util.List;
import org.springframework.http.HttpStatus;
import org.springframework.web.bind.annotation.DeleteMapping;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.PutMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.server.ResponseStatusException;

/** Users over HTTP. Every request may be repeated. */
@RestController
@RequestMapping("/users")
class UserController {
  private static final int USERS_MAX = 10_000;

  private final Users users;

  UserController(Users users) {
    this.users = users;
  }

  record NewUser(@NotBlank String id, @NotBlank String name, @NotBlank String email) {}

  record Details(@NotBlank String name, @NotBlank String email) {}

  record Saved(int users) {}

  @PostMapping
  Saved save(@RequestBody @NotEmpty @Size(max = USERS_MAX) List<@Valid NewUser> all) {
    users.save(all.stream().map(each -> new User(each.id, each.name, each.email)).toList());
    return new Saved(all.size());
  }

  @PutMapping("/{id}")
  User save(@PathVariable String id, @RequestBody @Valid Details details) {
    User user = new User(id, details.name(), details.email());
    users.save(List.of(user));
    return user;
  }

  @GetMapping("/{id}")
  User find(@PathVariable String id) {
    return users
        .find(id)
        .orElseThrow(() -> new ResponseStatusException(HttpStatus.NOT_FOUND, "No user " + id));
  }

  @DeleteMapping("/{id}")
  @ResponseStatus(HttpStatus.NO_CONTENT)
  void delete(@PathVariable String id) {
    users.delete(id);
  }
}
