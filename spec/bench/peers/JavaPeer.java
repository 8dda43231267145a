import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;

/** The Java client in the same scenarios, measured as `meter.ts` does. Prints one line of JSON and ends. */
public class JavaPeer {
  static String kind, brokers, topic;
  static int partitions, valueBytes, inFlight, perSend;
  static boolean acked;
  static long records, warmUpNs, measureNs;

  // Called from one thread only: that of the consumer, or the producer's own.
  static long seen, started, fromSeen, fromNs, fromCpu;
  static volatile boolean done;

  public static void main(String[] args) throws Exception {
    kind = args[0];
    brokers = args[1];
    topic = args[2];
    partitions = Integer.parseInt(args[3]);
    valueBytes = Integer.parseInt(args[4]);
    records = Long.parseLong(args[5]);
    inFlight = Integer.parseInt(args[6]);
    perSend = Integer.parseInt(args[7]);
    acked = Boolean.parseBoolean(args[8]);
    warmUpNs = Long.parseLong(args[9]) * 1_000_000;
    measureNs = Long.parseLong(args[10]) * 1_000_000;
    if (kind.equals("consume")) consume();
    else produce();
  }

  static void consume() {
    Properties options = options("Deserializer");
    if (acked) options.put("group.id", "bench-" + System.nanoTime());
    else options.put("enable.auto.commit", "false");
    try (KafkaConsumer<byte[], byte[]> consumer = new KafkaConsumer<>(options)) {
      List<TopicPartition> all = IntStream.range(0, partitions).mapToObj(p -> new TopicPartition(topic, p)).toList();
      consumer.assign(all);
      consumer.seekToBeginning(all);
      while (!done)
        for (var record : consumer.poll(Duration.ofMillis(500))) {
          if (record.value().length != valueBytes) throw new IllegalStateException("a wrong value");
          count(1);
        }
    }
  }

  static void produce() throws Exception {
    Properties options = options("Serializer");
    // As the others, which do not wait for more; the default of Java is 5 ms.
    options.put("linger.ms", "0");
    byte[] value = new byte[valueBytes];
    Semaphore room = new Semaphore(inFlight);
    try (KafkaProducer<byte[], byte[]> producer = new KafkaProducer<>(options)) {
      while (!done) {
        room.acquire();
        AtomicInteger left = new AtomicInteger(perSend);
        for (int i = 0; i < perSend; i++)
          producer.send(new ProducerRecord<>(topic, value), (stored, error) -> {
            if (error != null) throw new IllegalStateException(error);
            if (left.decrementAndGet() > 0) return;
            count(perSend);
            room.release();
          });
      }
    }
  }

  static Properties options(String codec) {
    Properties options = new Properties();
    options.put("bootstrap.servers", brokers);
    String kind = codec.toLowerCase();
    String type = "org.apache.kafka.common.serialization.ByteArray" + codec;
    options.put("key." + kind, type);
    options.put("value." + kind, type);
    return options;
  }

  static void count(int more) {
    seen += more;
    if (done || (inFlight != 1 && seen % 64 >= more && seen < records)) return;
    long now = System.nanoTime();
    if (started == 0) started = now;
    boolean finite = records > 0;
    if (fromNs == 0) {
      if (now - started < warmUpNs && !(finite && seen >= records / 4)) return;
      fromNs = now;
      fromSeen = seen;
      fromCpu = cpuNs();
    } else if (now - fromNs >= measureNs || (finite && seen >= records)) {
      done = true;
      long counted = seen - fromSeen;
      System.out.printf(
          "{\"records\":%d,\"recordsPerSecond\":%s,\"cpuMicrosPerRecord\":%s,\"maxRssBytes\":%d}%n",
          counted, counted * 1e9 / (now - fromNs), (cpuNs() - fromCpu) / 1e3 / counted, maxRssBytes());
    }
  }

  static long cpuNs() {
    return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
  }

  static long maxRssBytes() {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/self/status")))
        if (line.startsWith("VmHWM:")) return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
    } catch (java.io.IOException none) {
      // Not Linux.
    }
    return 0;
  }
}
