package dev.tenon.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class OrderFileTest {
  private static final String HEADER = String.join(",", OrderFile.COLUMNS) + "\n";

  @Test
  void readsDescriptionsWithCommasQuotesAndLineBreaks() {
    OrderBook book =
        OrderFile.parse(
            "some.csv",
            HEADER
                + "1,A,\"RED, BLUE AND \"\"GREEN\"\"\",2,2010-12-01T08:26:00,2.55,17850,France\n"
                + "1,B,\"TWO\nLINES\",3,2010-12-01T08:26:00,1,17850,France\n"
                + "C2,A,BACK,-2,2010-12-01T08:26:00,2.55,,France\n");

    assertThat(book.invoices())
        .containsExactly(
            new Invoice(
                "1",
                Optional.of("17850"),
                List.of(
                    new OrderLine("A", 2, new BigDecimal("2.5500")),
                    new OrderLine("B", 3, new BigDecimal("1.0000")))),
            new Invoice(
                "C2", Optional.empty(), List.of(new OrderLine("A", -2, new BigDecimal("2.5500")))));
    assertThat(book.lines()).isEqualTo(3);
    assertThat(book.customers()).containsExactly("17850");
  }

  @Test
  void joinsTheLinesOfAnInvoiceThatStandApart() {
    OrderBook book = OrderFile.parse("f", HEADER + line("1,A") + line("2,A") + line("1,B"));

    assertThat(book.invoices()).extracting(Invoice::number).containsExactly("1", "2");
    assertThat(book.invoices().getFirst().lines()).hasSize(2);
  }

  @Test
  void takesAByteOrderMarkAndColumnsInAnyOrder() {
    OrderBook book =
        OrderFile.parse(
            "f",
            "\uFEFFCountry,CustomerID,UnitPrice,InvoiceDate,Quantity,Description,StockCode,"
                + "InvoiceNo\n"
                + "France,17850.0,2,now,1,X,A,1\n");

    assertThat(book.invoices().getFirst().number()).isEqualTo("1");
    assertThat(book.customers()).containsExactly("17850");
  }

  @Test
  void readsTheEncodingOfTheFirstPublication(@TempDir Path directory) throws IOException {
    Path file = directory.resolve("orders.csv");
    Files.write(
        file, (HEADER + line("1,A").replace("X", "£5")).getBytes(StandardCharsets.ISO_8859_1));

    assertThat(OrderFile.read(file).lines()).isEqualTo(1);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          1,A,X,two,d,1,c,F     | line=3 | Quantity: two (expected: a number)
          1,A,X,1.5,d,1,c,F     | line=3 | Quantity: 1.5 (expected: pieces)
          1,A,X,1,d,dear,c,F    | line=3 | UnitPrice: dear (expected: a number)
          ,A,X,1,d,1,c,F        | line=3 | InvoiceNo is empty
          1,A,X,1,d,1           | line=3 | 6 columns (expected: 8)
          0,A,X,1,d,1,other,F   | line=3 | invoice 0 names customer other here and c before
          1,A,"X" Y,1,d,1,c,F   | file=f | it is no CSV
          1,A,"X,1,d,1,c,F      | file=f | it is no CSV
          """)
  void namesTheLineThatItCannotRead(String bad, String where, String reason) {
    String text = HEADER + "0,A,X,1,d,1,c,F\n" + bad + "\n";

    assertThatThrownBy(() -> OrderFile.parse("f", text))
        .isInstanceOf(CliException.class)
        .hasMessageStartingWith("Could not read orders [file=f")
        .hasMessageContaining(where)
        .hasMessageContaining(reason);
  }

  @Test
  void namesTheColumnsThatAreMissing() {
    assertThatThrownBy(() -> OrderFile.parse("f", "InvoiceNo,Quantity\n1,2\n"))
        .isInstanceOf(CliException.class)
        .hasMessageContaining("line=1")
        .hasMessageContaining(
            "StockCode, Description, InvoiceDate, UnitPrice, CustomerID, Country");
  }

  @Test
  void refusesFilesThatAreMissingOrEmpty(@TempDir Path directory) throws IOException {
    Path empty = Files.createFile(directory.resolve("empty.csv"));
    Path none = directory.resolve("none.csv");

    assertThatThrownBy(() -> OrderFile.read(none))
        .hasMessage("Could not read orders [file=" + none + "]: there is no such file.");
    assertThatThrownBy(() -> OrderFile.read(directory)).hasMessageContaining("it is not a file");
    assertThatThrownBy(() -> OrderFile.read(empty)).isInstanceOf(CliException.class);
    assertThatThrownBy(() -> OrderFile.parse("f", HEADER)).hasMessageContaining("it has no orders");
  }

  private static String line(String numberAndProduct) {
    return numberAndProduct + ",X,1,2010-12-01T08:26:00,1.00,17850,France\n";
  }
}
