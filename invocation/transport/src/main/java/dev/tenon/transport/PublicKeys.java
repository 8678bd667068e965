package dev.tenon.transport;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.PublicKey;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import org.jose4j.jwk.JsonWebKey;
import org.jose4j.jwk.JsonWebKeySet;
import org.jose4j.jwk.OctetKeyPairJsonWebKey;
import org.jose4j.lang.JoseException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The public keys of all services, read again when the file has changed. A changed file that cannot
 * be read leaves the keys as they were. Thread-safe.
 */
final class PublicKeys {
  /** How often the file is looked at, at most. */
  static final Duration LOOK_INTERVAL = Duration.ofSeconds(1);

  private static final Logger log = LoggerFactory.getLogger(PublicKeys.class);

  private final Path file;
  private final InstantSource clock;
  private final ReentrantLock lock = new ReentrantLock();
  private volatile Instant lookAgain;
  private FileStamp stamp;
  private volatile Loaded loaded;

  /** A service's public key. */
  record Key(String service, PublicKey key) {}

  /** The keys by id, and how many times the file had been read. */
  record Loaded(int reading, Map<String, Key> keys) {
    Optional<Key> find(String keyId) {
      return Optional.ofNullable(keys.get(keyId));
    }

    List<PublicKey> of(String service) {
      return keys.values().stream()
          .filter(key -> key.service().equals(service))
          .map(Key::key)
          .toList();
    }
  }

  PublicKeys(Path file, InstantSource clock) {
    this.file = file;
    this.clock = clock;
    try {
      this.stamp = FileStamp.of(file);
      this.loaded = read(file, 1);
    } catch (IOException | JoseException e) {
      throw new TransportException(
          "Could not read the services' public keys [file=%s]: %s. Make them with ServiceKeys."
              .formatted(file, e),
          e);
    }
    this.lookAgain = clock.instant().plus(LOOK_INTERVAL);
  }

  Loaded current() {
    if (!clock.instant().isBefore(lookAgain) && lock.tryLock()) {
      try {
        if (!clock.instant().isBefore(lookAgain)) {
          lookAgain = clock.instant().plus(LOOK_INTERVAL);
          reload();
        }
      } finally {
        lock.unlock();
      }
    }
    return loaded;
  }

  private void reload() {
    try {
      FileStamp now = FileStamp.of(file);
      if (!now.equals(stamp)) {
        stamp = now;
        loaded = read(file, loaded.reading() + 1);
        log.info("Public keys read again [file={}, keys={}]", file, loaded.keys().size());
      }
    } catch (IOException | JoseException e) {
      log.warn("Could not read the changed public keys, the old ones stay [file={}]", file, e);
    }
  }

  private static Loaded read(Path file, int reading) throws IOException, JoseException {
    Map<String, Key> keys = new HashMap<>();
    for (JsonWebKey key : new JsonWebKeySet(Files.readString(file)).getJsonWebKeys()) {
      String service = ServiceKeys.serviceOf(key);
      if (key instanceof OctetKeyPairJsonWebKey pair
          && key.getKeyId() != null
          && !service.isEmpty()) {
        keys.put(key.getKeyId(), new Key(service, pair.getPublicKey()));
      }
    }
    return new Loaded(reading, Map.copyOf(keys));
  }
}
