package dev.tenon.examples.quickstart.order;

import dev.tenon.examples.quickstart.messages.User;
import java.sql.SQLException;
import org.springframework.http.HttpStatus;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestMapping;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.server.ResponseStatusException;

/** The copy of the users over HTTP. */
@RestController
@RequestMapping("/users-copy")
class UsersCopyController {
  private final UsersCopy users;

  UsersCopyController(UsersCopy users) {
    this.users = users;
  }

  record Count(int users) {}

  @GetMapping
  Count count() {
    return new Count(users.count());
  }

  @GetMapping("/{id}")
  User find(@PathVariable String id) {
    return users
        .find(id)
        .orElseThrow(() -> new ResponseStatusException(HttpStatus.NOT_FOUND, "No user " + id));
  }

  @PostMapping("/rebuild")
  @ResponseStatus(HttpStatus.ACCEPTED)
  void rebuild() throws SQLException {
    users.rebuild();
  }
}
