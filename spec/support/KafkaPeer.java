import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Kafka's own client, for java-peer.ts. A record is a line of fields between tabs, bytes are base64 and null is "-":
 * partition, timestamp, key, value, then name and value of each header. What is printed has the offset before the timestamp.
 */
public class KafkaPeer {
  /** A file: what a stream to another process loses is lost in silence. */
  static final PrintStream OUT = file(System.getProperty("peer.out"));
  static final Duration PATIENCE = Duration.ofSeconds(30);

  public static void main(String[] args) throws Exception {
    if (args[0].equals("produce")) produce(args[1], args[2], args[3]);
    else consume(args[1], args[2], Integer.parseInt(args[3]), Integer.parseInt(args[4]));
    OUT.close();
    if (OUT.checkError()) throw new IllegalStateException("the output could not be written");
  }

  static PrintStream file(String path) {
    try {
      return new PrintStream(path, StandardCharsets.UTF_8);
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  static void produce(String brokers, String topic, String compression) throws Exception {
    Map<String, Object> config =
        Map.of("bootstrap.servers", brokers, "compression.type", compression, "linger.ms", 20);
    List<Future<RecordMetadata>> sent = new ArrayList<>();
    try (var producer = new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer());
        var input = new BufferedReader(new InputStreamReader(System.in))) {
      for (String line = input.readLine(); line != null; line = input.readLine()) {
        String[] field = line.split("\t", -1);
        Integer partition = field[0].equals("-") ? null : Integer.valueOf(field[0]);
        Long timestamp = field[1].equals("-") ? null : Long.valueOf(field[1]);
        var record = new ProducerRecord<>(topic, partition, timestamp, decode(field[2]), decode(field[3]));
        for (int i = 4; i < field.length; i += 2) record.headers().add(field[i], decode(field[i + 1]));
        sent.add(producer.send(record));
      }
      producer.flush();
      for (Future<RecordMetadata> one : sent) {
        RecordMetadata stored = one.get();
        OUT.println(stored.partition() + "\t" + stored.offset() + "\t" + stored.timestamp());
      }
    }
  }

  /** Reads until there are as many records as expected, and then whatever else there is; gives up after a while with fewer. */
  static void consume(String brokers, String topic, int partitionCount, int expected) {
    Map<String, Object> config =
        Map.of("bootstrap.servers", brokers, "enable.auto.commit", false, "isolation.level", "read_committed");
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    try (var consumer = new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      List<TopicPartition> partitions =
          IntStream.range(0, partitionCount).mapToObj(one -> new TopicPartition(topic, one)).toList();
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      int seen = 0;
      while (seen < expected && System.nanoTime() < deadline) seen += printNext(consumer);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      while (partitions.stream().anyMatch(one -> consumer.position(one) < ends.get(one))) printNext(consumer);
    }
  }

  static int printNext(KafkaConsumer<byte[], byte[]> consumer) {
    var records = consumer.poll(Duration.ofMillis(200));
    for (ConsumerRecord<byte[], byte[]> record : records) print(record);
    return records.count();
  }

  static void print(ConsumerRecord<byte[], byte[]> record) {
    StringBuilder line = new StringBuilder();
    line.append(record.partition()).append('\t').append(record.offset()).append('\t').append(record.timestamp());
    line.append('\t').append(encode(record.key())).append('\t').append(encode(record.value()));
    for (Header header : record.headers())
      line.append('\t').append(header.key()).append('\t').append(encode(header.value()));
    OUT.println(line);
  }

  static byte[] decode(String text) {
    return text.equals("-") ? null : Base64.getDecoder().decode(text);
  }

  static String encode(byte[] bytes) {
    return bytes == null ? "-" : Base64.getEncoder().encodeToString(bytes);
  }
}
