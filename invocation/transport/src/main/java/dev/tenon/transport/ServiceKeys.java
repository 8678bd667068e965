package dev.tenon.transport;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jose4j.json.JsonUtil;
import org.jose4j.jwk.JsonWebKey;
import org.jose4j.jwk.JsonWebKey.OutputControlLevel;
import org.jose4j.jwk.JsonWebKeySet;
import org.jose4j.jwk.OctetKeyPairJsonWebKey;
import org.jose4j.jwk.OkpJwkGenerator;
import org.jose4j.lang.JoseException;

/**
 * The key files of services: one private key each, and the public keys of all in one file.
 *
 * <p>A service's private key is {@code <service>.key}, readable by its owner only; give it to that
 * service alone. The public keys are {@code services.json}, to be given to every service. Both are
 * JSON web keys of RFC 7517 for Ed25519, a set in the second case, where each key has a member
 * {@code service}.
 *
 * <p>To rotate, {@link #generate} again: the new public key is added and the newest older ones
 * stay, so that tokens of both are accepted. Give the public keys to all first, then the private
 * key to its service, and start its instances again.
 */
public final class ServiceKeys {
  /** The name of the file with all public keys. */
  public static final String PUBLIC_KEYS_FILE = "services.json";

  /** The most public keys that {@link #generate} leaves a service; the oldest go. */
  public static final int KEYS_PER_SERVICE_MAX = 3;

  private ServiceKeys() {}

  /**
   * Makes a new key pair for each service and adds its public key to the directory's file. Each
   * file is replaced as a whole, so a reader never sees half of one. Not for two processes at once.
   *
   * @param directory where the files are; made if missing
   * @param services the services' names
   * @throws TransportException if a file cannot be read or written; some services may have their
   *     keys then
   * @throws IllegalArgumentException if a name cannot be a service's
   */
  public static void generate(Path directory, String... services) {
    Path publicKeys = directory.resolve(PUBLIC_KEYS_FILE);
    try {
      Files.createDirectories(directory);
      for (String service : services) {
        OctetKeyPairJsonWebKey pair = OkpJwkGenerator.generateJwk("Ed25519");
        pair.setKeyId(pair.calculateBase64urlEncodedThumbprint("SHA-256"));
        pair.setOtherParameter("service", ServiceIdentity.checkName(service));
        List<JsonWebKey> keys = new ArrayList<>();
        keys.add(pair);
        if (Files.exists(publicKeys)) {
          keys.addAll(new JsonWebKeySet(Files.readString(publicKeys)).getJsonWebKeys());
        }
        replace(publicKeys, setOf(newest(keys)), "rw-r--r--");
        replace(
            privateKeyFile(directory, service),
            pair.toJson(OutputControlLevel.INCLUDE_PRIVATE),
            "rw-------");
      }
    } catch (IOException | JoseException e) {
      throw new TransportException(
          "Could not write service keys [directory=" + directory + "]: " + e.getMessage() + ".", e);
    }
  }

  /**
   * Where a service's private key is.
   *
   * @param directory where the files are
   * @param service the service's name
   * @return the file
   */
  public static Path privateKeyFile(Path directory, String service) {
    return directory.resolve(ServiceIdentity.checkName(service) + ".key");
  }

  private static List<JsonWebKey> newest(List<JsonWebKey> newestFirst) {
    Map<String, Integer> counts = new HashMap<>();
    return newestFirst.stream()
        .filter(key -> counts.merge(serviceOf(key), 1, Integer::sum) <= KEYS_PER_SERVICE_MAX)
        .toList();
  }

  /** The service that a key is of; empty if the file does not say. */
  static String serviceOf(JsonWebKey key) {
    String service = key.getOtherParameterValue("service", String.class);
    return service == null ? "" : service;
  }

  private static String setOf(List<JsonWebKey> keys) {
    List<Map<String, Object>> members =
        keys.stream().map(key -> key.toParams(OutputControlLevel.PUBLIC_ONLY)).toList();
    return JsonUtil.toJson(new LinkedHashMap<>(Collections.singletonMap("keys", members)));
  }

  private static void replace(Path file, String content, String mode) throws IOException {
    Path fresh = file.resolveSibling(file.getFileName() + ".new");
    Files.deleteIfExists(fresh);
    if (Files.getFileStore(file.toAbsolutePath().getParent()).supportsFileAttributeView("posix")) {
      Files.createFile(
          fresh,
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      Files.writeString(fresh, content);
      Files.setPosixFilePermissions(fresh, PosixFilePermissions.fromString(mode));
    } else {
      Files.writeString(fresh, content);
    }
    Files.move(fresh, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
  }
}
