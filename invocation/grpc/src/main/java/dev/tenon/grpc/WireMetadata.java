package dev.tenon.grpc;

import com.linecorp.armeria.common.HttpHeaders;
import com.linecorp.armeria.common.HttpMethod;
import com.linecorp.armeria.common.RequestHeaders;
import com.linecorp.armeria.common.RequestHeadersBuilder;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.util.Base64;
import java.util.Set;

/** gRPC's metadata as HTTP headers, and back. */
final class WireMetadata {
  private static final Set<String> RESERVED = Set.of("content-type", "te", "user-agent");
  private static final String RESERVED_PREFIX = "grpc-";
  private static final int BYTES_MAX = 8 << 10; // what gRPC takes everywhere
  private static final int ENTRY_BYTES = 32; // of an entry beside name and value, by HTTP/2's count

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

  /**
   * Checks that metadata is not too large to be sent.
   *
   * @throws StatusRuntimeException if it is
   */
  static void check(Metadata metadata) {
    long bytes = 0;
    RequestHeadersBuilder headers = RequestHeaders.builder(HttpMethod.POST, "/");
    write(metadata, headers);
    for (var header : headers.build()) {
      bytes += header.getKey().length() + header.getValue().length() + ENTRY_BYTES;
    }
    if (bytes > BYTES_MAX) {
      throw Status.RESOURCE_EXHAUSTED
          .withDescription("metadata: %d bytes (expected: at most %d)".formatted(bytes, BYTES_MAX))
          .asRuntimeException();
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
