import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import org.apache.kafka.common.errors.InvalidMetadataException;
import org.apache.kafka.common.errors.RefreshRetriableException;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.message.ApiMessageType;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.protocol.MessageUtil;

/** What Kafka's own classes make of errors and messages, for java-protocol.ts. Fields are between tabs, bytes are hex. */
public class KafkaProtocol {
  public static void main(String[] args) throws Exception {
    if (args[0].equals("errors")) errors();
    else messages();
  }

  /** Each code with its name and what its exception is: retriable, of stale metadata, of something else stale. */
  static void errors() {
    for (Errors error : Errors.values()) {
      Exception exception = error.exception();
      System.out.printf(
          "%d\t%s\t%b\t%b\t%b%n",
          error.code(),
          error.name(),
          exception instanceof RetriableException,
          exception instanceof InvalidMetadataException,
          exception instanceof RefreshRetriableException);
    }
  }

  /** Reads messages (key, version, "request" or "response", bytes); prints how many bytes it left and what it writes. */
  static void messages() throws Exception {
    var input = new BufferedReader(new InputStreamReader(System.in));
    var output = new StringBuilder();
    for (String line = input.readLine(); line != null; line = input.readLine()) {
      String[] field = line.split("\t", -1);
      ApiMessageType type = ApiMessageType.fromApiKey(Short.parseShort(field[0]));
      short version = Short.parseShort(field[1]);
      ApiMessage message = field[2].equals("request") ? type.newRequest() : type.newResponse();
      ByteBuffer bytes = ByteBuffer.wrap(HexFormat.of().parseHex(field[3]));
      try {
        message.read(new ByteBufferAccessor(bytes), version);
        ByteBuffer written = MessageUtil.toByteBufferAccessor(message, version).buffer();
        byte[] copy = new byte[written.remaining()];
        written.get(copy);
        output.append(bytes.remaining()).append('\t').append(HexFormat.of().formatHex(copy)).append('\n');
      } catch (RuntimeException error) {
        output.append("refused\t").append(String.valueOf(error).replaceAll("\\s", " ")).append('\n');
      }
    }
    System.out.print(output);
  }
}
