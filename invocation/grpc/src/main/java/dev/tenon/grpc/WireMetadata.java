package dev.tenon.grpc;

import com.linecorp.armeria.common.HttpHeaders;
import com.linecorp.armeria.common.RequestHeadersBuilder;
import io.grpc.Metadata;
import java.util.Base64;
import java.util.Set;

/** gRPC's metadata as HTTP headers, and back. */
final class WireMetadata {
  private static final Set<String> RESERVED = Set.of("content-type", "te", "user-agent");
  private static final String RESERVED_PREFIX = "grpc-";

  private WireMetadata() {}

  /** Writes all but what gRPC itself writes. */
  static void write(Metadata metadata, RequestHeadersBuilder headers) {
    for (String name : metadata.keys()) {
      if (RESERVED.contains(name) || name.startsWith(RESERVED_PREFIX)) {
        continue;
      }
      if (name.endsWith(Metadata.BINARY_HEADER_SUFFIX)) {
        var key = Metadata.Key.of(name, Metadata.BINARY_BYTE_MARSHALLER);
        Iterable<byte[]> values = metadata.getAll(key);
        if (values != null) {
          values.forEach(value -> headers.add(name, base64(value)));
        }
      } else {
        var key = Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
        Iterable<String> values = metadata.getAll(key);
        if (values != null) {
          values.forEach(value -> headers.add(name, value));
        }
      }
    }
  }

  static Metadata read(HttpHeaders headers) {
    Metadata metadata = new Metadata();
    headers.forEach(
        (name, value) -> {
          String key = name.toString();
          if (!key.startsWith(":")) {
            put(metadata, key, value);
          }
        });
    return metadata;
  }

  static String base64(byte[] value) {
    return Base64.getEncoder().withoutPadding().encodeToString(value);
  }

  private static void put(Metadata metadata, String name, String value) {
    if (!name.endsWith(Metadata.BINARY_HEADER_SUFFIX)) {
      metadata.put(Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER), value);
      return;
    }
    var key = Metadata.Key.of(name, Metadata.BINARY_BYTE_MARSHALLER);
    for (String part : value.split(",")) {
      try {
        metadata.put(key, Base64.getDecoder().decode(part.strip()));
      } catch (IllegalArgumentException e) {
        continue; // not Base64: as good as absent
      }
    }
  }
}
