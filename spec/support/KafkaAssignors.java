import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Assignment;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.GroupSubscription;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Subscription;
import org.apache.kafka.clients.consumer.CooperativeStickyAssignor;
import org.apache.kafka.clients.consumer.RangeAssignor;
import org.apache.kafka.clients.consumer.RoundRobinAssignor;
import org.apache.kafka.clients.consumer.StickyAssignor;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;

/**
 * Kafka's own assignors. Lines on standard input, fields divided by tabs, "-" = none, partitions as topic:partition,…:
 *   topic   name  partition  racks
 *   member  id  instance  generation  rack  topics  owned  userData
 *   assign  assignor                 answers "=" and, for each member, id and partitions, or "failed"
 *   end                              forgets topics and members
 *   told    generation  partitions   answers what StickyAssignor tells of them, in hex
 */
public class KafkaAssignors {
    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        List<PartitionInfo> infos = new ArrayList<>();
        Map<String, Subscription> members = new TreeMap<>();
        StringBuilder out = new StringBuilder();
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] field = line.split("\t", -1);
            switch (field[0]) {
                case "topic" -> infos.add(partition(field));
                case "member" -> members.put(field[1], subscription(field));
                case "end" -> {
                    infos.clear();
                    members.clear();
                }
                case "told" -> out.append("=\t").append(told(Integer.parseInt(field[1]), partitions(field[2]))).append('\n');
                default -> {
                    Cluster cluster = new Cluster("c", List.of(), infos, Set.of(), Set.of());
                    try {
                        StringBuilder answer = new StringBuilder("=");
                        assignor(field[1]).assign(cluster, new GroupSubscription(members)).groupAssignment().forEach((id, given) ->
                            answer.append('\t').append(id).append('\t').append(text(given.partitions())));
                        out.append(answer).append('\n');
                    } catch (RuntimeException failure) {
                        out.append("=\tfailed\n");
                    }
                }
            }
        }
        // Its log does not end its lines.
        System.out.print("\n" + out);
    }

    private static ConsumerPartitionAssignor assignor(String name) {
        return switch (name) {
            case "range" -> new RangeAssignor();
            case "roundrobin" -> new RoundRobinAssignor();
            case "sticky" -> new StickyAssignor();
            case "cooperative-sticky" -> new CooperativeStickyAssignor();
            default -> throw new IllegalArgumentException(name);
        };
    }

    private static PartitionInfo partition(String[] field) {
        List<Node> replicas = new ArrayList<>();
        for (String rack : list(field[3])) replicas.add(new Node(replicas.size(), "h", 1, rack));
        Node[] nodes = replicas.toArray(new Node[0]);
        return new PartitionInfo(field[1], Integer.parseInt(field[2]), null, nodes, nodes);
    }

    private static Subscription subscription(String[] field) {
        ByteBuffer userData = field[7].equals("-") ? null : ByteBuffer.wrap(HexFormat.of().parseHex(field[7]));
        Subscription made = new Subscription(list(field[5]), userData, partitions(field[6]), Integer.parseInt(field[3]), optional(field[4]));
        made.setGroupInstanceId(optional(field[2]));
        return made;
    }

    @SuppressWarnings("removal")
    private static String told(int generation, List<TopicPartition> partitions) {
        StickyAssignor assignor = new StickyAssignor();
        assignor.onAssignment(new Assignment(partitions), new ConsumerGroupMetadata("g", generation, "m", Optional.empty()));
        ByteBuffer bytes = assignor.subscriptionUserData(Set.of());
        byte[] copy = new byte[bytes.remaining()];
        bytes.get(copy);
        return HexFormat.of().formatHex(copy);
    }

    private static Optional<String> optional(String text) {
        return text.equals("-") ? Optional.empty() : Optional.of(text);
    }

    private static List<String> list(String text) {
        return text.equals("-") ? List.of() : List.of(text.split(","));
    }

    private static List<TopicPartition> partitions(String text) {
        List<TopicPartition> made = new ArrayList<>();
        for (String one : list(text)) {
            int colon = one.lastIndexOf(':');
            made.add(new TopicPartition(one.substring(0, colon), Integer.parseInt(one.substring(colon + 1))));
        }
        return made;
    }

    private static String text(List<TopicPartition> partitions) {
        if (partitions.isEmpty()) return "-";
        List<String> made = new ArrayList<>();
        for (TopicPartition one : partitions) made.add(one.topic() + ':' + one.partition());
        return String.join(",", made);
    }
}
