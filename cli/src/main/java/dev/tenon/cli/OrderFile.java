package dev.tenon.cli;

import java.io.IOException;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.commons.csv.CSVException;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.CSVRecord;

/**
 * Reads an <i>Online Retail</i> file: CSV with the columns {@link #COLUMNS}, in UTF-8 or, as it was
 * first published, in ISO 8859-1.
 */
final class OrderFile {
  static final List<String> COLUMNS =
      List.of(
          "InvoiceNo",
          "StockCode",
          "Description",
          "Quantity",
          "InvoiceDate",
          "UnitPrice",
          "CustomerID",
          "Country");

  /** The whole file is held in memory. */
  static final long FILE_BYTES_MAX = 256L << 20;

  private static final int PRICE_DECIMALS = 4;
  private static final CSVFormat FORMAT =
      CSVFormat.RFC4180
          .builder()
          .setHeader()
          .setSkipHeaderRecord(true)
          .setIgnoreEmptyLines(true)
          .get();

  private final String source;
  private final Map<String, Collected> invoices = new LinkedHashMap<>();

  private record Collected(Optional<String> customer, List<OrderLine> lines) {}

  private OrderFile(String source) {
    this.source = source;
  }

  /** Reads a file; every failure is a sentence that names the file and the line. */
  static OrderBook read(Path file) {
    OrderFile reader = new OrderFile(file.toString());
    return reader.parse(reader.text(file));
  }

  static OrderBook parse(String source, String text) {
    return new OrderFile(source).parse(text);
  }

  private String text(Path file) {
    try {
      if (!Files.isRegularFile(file)) {
        throw failure(Files.exists(file) ? "it is not a file" : "there is no such file");
      }
      if (Files.size(file) > FILE_BYTES_MAX) {
        throw failure("it is larger than " + (FILE_BYTES_MAX >> 20) + " MiB");
      }
      byte[] bytes = Files.readAllBytes(file);
      try {
        return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
      } catch (CharacterCodingException notUtf8) {
        return new String(bytes, StandardCharsets.ISO_8859_1);
      }
    } catch (IOException e) {
      throw new CliException(sentence("it cannot be read (" + e.getMessage() + ")"), e);
    }
  }

  private OrderBook parse(String text) {
    String withoutMark = text.startsWith("\uFEFF") ? text.substring(1) : text;
    try (CSVParser parser = CSVParser.parse(new StringReader(withoutMark), FORMAT)) {
      checkColumns(parser.getHeaderNames());
      for (CSVRecord line : parser) {
        add(line, parser.getCurrentLineNumber());
      }
    } catch (IOException | UncheckedIOException | IllegalArgumentException e) {
      throw unreadable(e);
    }
    if (invoices.isEmpty()) {
      throw failure("it has no orders");
    }
    List<Invoice> result = new ArrayList<>();
    invoices.forEach((no, found) -> result.add(new Invoice(no, found.customer, found.lines)));
    return new OrderBook(source, result, Map.of());
  }

  private CliException unreadable(Exception e) {
    boolean noCsv = e instanceof CSVException || e.getCause() instanceof CSVException;
    String reason = String.valueOf((noCsv && e.getCause() != null ? e.getCause() : e).getMessage());
    return new CliException(sentence(noCsv ? "it is no CSV: " + reason : reason), e);
  }

  private void checkColumns(List<String> found) {
    List<String> missing = COLUMNS.stream().filter(column -> !found.contains(column)).toList();
    if (!missing.isEmpty()) {
      throw failure(
          1,
          "the columns "
              + String.join(", ", missing)
              + " are missing (expected: "
              + String.join(",", COLUMNS)
              + ")");
    }
  }

  private void add(CSVRecord line, long lineNumber) {
    if (!line.isConsistent()) {
      throw failure(lineNumber, line.size() + " columns (expected: " + COLUMNS.size() + ")");
    }
    String number = required(line, "InvoiceNo", lineNumber);
    String customer = line.get("CustomerID").strip();
    Optional<String> buyer =
        customer.isEmpty() ? Optional.empty() : Optional.of(customer.replaceFirst("\\.0$", ""));
    Collected invoice =
        invoices.computeIfAbsent(number, no -> new Collected(buyer, new ArrayList<>()));
    if (!invoice.customer.equals(buyer)) {
      throw failure(
          lineNumber,
          "invoice %s names customer %s here and %s before"
              .formatted(number, buyer.orElse("none"), invoice.customer.orElse("none")));
    }
    BigDecimal price = number(line, "UnitPrice", lineNumber);
    invoice.lines.add(
        new OrderLine(
            required(line, "StockCode", lineNumber),
            quantity(line, lineNumber),
            price.setScale(PRICE_DECIMALS, RoundingMode.HALF_UP)));
  }

  private String required(CSVRecord line, String column, long lineNumber) {
    String value = line.get(column).strip();
    if (value.isEmpty()) {
      throw failure(lineNumber, column + " is empty");
    }
    return value;
  }

  private int quantity(CSVRecord line, long lineNumber) {
    try {
      return number(line, "Quantity", lineNumber).intValueExact();
    } catch (ArithmeticException e) {
      throw failure(lineNumber, "Quantity: " + line.get("Quantity") + " (expected: pieces)");
    }
  }

  private BigDecimal number(CSVRecord line, String column, long lineNumber) {
    String value = line.get(column).strip();
    try {
      return new BigDecimal(value);
    } catch (NumberFormatException e) {
      throw failure(lineNumber, column + ": " + value + " (expected: a number)");
    }
  }

  private CliException failure(String reason) {
    return new CliException(sentence(reason));
  }

  private String sentence(String reason) {
    return "Could not read orders [file=%s]: %s.".formatted(source, reason);
  }

  private CliException failure(long line, String reason) {
    return new CliException(
        "Could not read orders [file=%s, line=%d]: %s.".formatted(source, line, reason));
  }
}
