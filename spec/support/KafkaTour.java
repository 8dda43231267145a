import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.DescribeClusterOptions;
import org.apache.kafka.clients.admin.DescribeConfigsOptions;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Makes Java's clients send one of each request that an application can cause, so that it can be recorded. */
public class KafkaTour {
  static final int RECORDS = 20;

  static String brokers;
  static String topic;

  public static void main(String[] args) throws Exception {
    brokers = args[0];
    topic = args[1];
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", brokers))) {
      topics(admin);
      try (var producer = producer(Map.of("compression.type", "zstd"))) {
        for (int i = 0; i < RECORDS; i++) producer.send(new ProducerRecord<>(topic, i % 2, "k" + i, "v" + i)).get();
      }
      group(admin, "classic");
      group(admin, "consumer");
      records(admin);
      acls(admin);
      admin.deleteTopics(List.of(topic)).all().get();
    }
    System.out.println("done");
  }

  static void topics(Admin admin) throws Exception {
    admin.createTopics(List.of(new NewTopic(topic, Optional.of(2), Optional.empty()))).all().get();
    admin.describeCluster(new DescribeClusterOptions().includeAuthorizedOperations(true)).nodes().get();
    admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(3))).all().get();
    var resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
    var all = new DescribeConfigsOptions().includeSynonyms(true).includeDocumentation(true);
    admin.describeConfigs(List.of(resource), all).all().get();
    var set = new AlterConfigOp(new ConfigEntry("retention.ms", "3600000"), AlterConfigOp.OpType.SET);
    admin.incrementalAlterConfigs(Map.of(resource, List.of(set))).all().get();
  }

  /** A member that reads, commits, sends its offsets with transactions, is looked at from outside, and leaves. */
  static void group(Admin admin, String protocol) throws Exception {
    String group = topic + "-" + protocol;
    var partition = new TopicPartition(topic, 0);
    try (var consumer = consumer(Map.of("group.id", group, "group.protocol", protocol));
        var producer = producer(Map.of("transactional.id", group))) {
      consumer.subscribe(List.of(topic));
      for (int read = 0; read < RECORDS; ) read += consumer.poll(Duration.ofMillis(200)).count();
      consumer.commitSync();
      // The epoch makes the consumer ask whether its log was truncated.
      consumer.seek(partition, new OffsetAndMetadata(1, Optional.of(0), ""));
      consumer.poll(Duration.ofMillis(500));
      admin.listGroups().all().get();
      if (protocol.equals("classic")) admin.describeClassicGroups(List.of(group)).all().get();
      else admin.describeConsumerGroups(List.of(group)).all().get();
      producer.initTransactions();
      producer.beginTransaction();
      producer.send(new ProducerRecord<>(topic, 2, "k", "committed"));
      producer.sendOffsetsToTransaction(Map.of(partition, new OffsetAndMetadata(2, "m")), consumer.groupMetadata());
      producer.commitTransaction();
      producer.beginTransaction();
      producer.send(new ProducerRecord<>(topic, 2, "k", "aborted")).get();
      producer.abortTransaction();
    }
    admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
    admin.alterConsumerGroupOffsets(group, Map.of(partition, new OffsetAndMetadata(3))).all().get();
    admin.deleteConsumerGroups(List.of(group)).all().get();
  }

  static void records(Admin admin) throws Exception {
    var partition = new TopicPartition(topic, 2);
    try (var consumer = consumer(Map.of("isolation.level", "read_committed"))) {
      consumer.assign(List.of(partition));
      consumer.seekToBeginning(List.of(partition));
      for (int read = 0; read < 2; ) read += consumer.poll(Duration.ofMillis(200)).count();
    }
    admin.listOffsets(Map.of(partition, OffsetSpec.maxTimestamp())).all().get();
    admin.deleteRecords(Map.of(new TopicPartition(topic, 0), RecordsToDelete.beforeOffset(1))).all().get();
  }

  /** Without an authorizer the broker says so, and that is an answer, too. */
  static void acls(Admin admin) throws Exception {
    var pattern = new ResourcePattern(ResourceType.TOPIC, topic, PatternType.PREFIXED);
    var entry = new AccessControlEntry("User:tour", "*", AclOperation.READ, AclPermissionType.ALLOW);
    AclBindingFilter filter = new AclBinding(pattern, entry).toFilter();
    try {
      admin.createAcls(List.of(new AclBinding(pattern, entry))).all().get();
      admin.describeAcls(filter).values().get();
      admin.deleteAcls(List.of(filter)).all().get();
    } catch (ExecutionException disabled) {
      System.out.println(disabled.getCause());
    }
  }

  static KafkaProducer<String, String> producer(Map<String, Object> options) {
    return new KafkaProducer<>(with(options), new StringSerializer(), new StringSerializer());
  }

  static KafkaConsumer<String, String> consumer(Map<String, Object> options) {
    return new KafkaConsumer<>(with(options), new StringDeserializer(), new StringDeserializer());
  }

  static Map<String, Object> with(Map<String, Object> options) {
    var all = new HashMap<String, Object>(options);
    all.put("bootstrap.servers", brokers);
    all.put("auto.offset.reset", "earliest");
    return all;
  }
}
