import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.AbortTransactionSpec;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.AlterConfigsOptions;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.KafkaFuture;
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

/**
 * Tries what the services' client can't ask, or doesn't tell the answer of, as each principal of standard
 * input: a line has its name and its key store, the last is an operator's. The arguments are the brokers,
 * the authority, a topic to be made, a transactional id, and topics to try. Each answer is a line of standard
 * output: the principal, the operation, what it was tried on, and `done` or the exception's name.
 */
public final class Rights {
    private static final ConfigResource BROKER = new ConfigResource(ConfigResource.Type.BROKER, "1");
    private static final AlterConfigsOptions VALIDATE = new AlterConfigsOptions().validateOnly(true);
    private final String who;
    private final Admin admin;

    public static void main(String[] args) throws Exception {
        String brokers = args[0], roots = args[1], open = args[2], transactionalId = args[3];
        List<String> topics = Arrays.asList(args).subList(4, args.length);
        List<String[]> everybody =
            new String(System.in.readAllBytes()).lines().map(line -> line.split("\t")).toList();
        try (Admin operator = connect(brokers, everybody.get(everybody.size() - 1)[1], roots)) {
            open(operator, open);
        }
        for (String[] who : everybody) {
            try (Admin admin = connect(brokers, who[1], roots)) {
                Rights rights = new Rights(who[0], admin);
                rights.onTopics(topics);
                rights.onCluster(open);
                rights.answer("Describe", transactionalId,
                    admin.describeTransactions(List.of(transactionalId)).description(transactionalId));
            }
        }
    }

    private Rights(String who, Admin admin) {
        this.who = who;
        this.admin = admin;
    }

    private static Admin connect(String brokers, String keyStore, String roots) {
        Properties config = new Properties();
        config.putAll(Map.of(
            "bootstrap.servers", brokers, "security.protocol", "SSL",
            "request.timeout.ms", "20000", "default.api.timeout.ms", "20000",
            "ssl.keystore.type", "PEM", "ssl.keystore.location", keyStore,
            "ssl.truststore.type", "PEM", "ssl.truststore.location", roots));
        return Admin.create(config);
    }

    /**
     * Makes a topic that everybody sees, and waits until everybody does. Rights come into force in the
     * order in which they are granted, so all others are in force then.
     */
    private static void open(Admin operator, String topic) throws Exception {
        operator.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all().get();
        AclBinding last = grant("User:*", topic);
        operator.createAcls(List.of(last)).all().get();
        long end = System.nanoTime() + 20_000_000_000L;
        while (operator.describeAcls(last.toFilter()).values().get().isEmpty()) {
            if (System.nanoTime() > end) {
                throw new IllegalStateException("a granted right doesn't come into force");
            }
            Thread.sleep(20);
        }
    }

    private static AclBinding grant(String principal, String topic) {
        return new AclBinding(
            new ResourcePattern(ResourceType.TOPIC, topic, PatternType.LITERAL),
            new AccessControlEntry(principal, "*", AclOperation.DESCRIBE, AclPermissionType.ALLOW));
    }

    private void onTopics(List<String> topics) throws Exception {
        List<ConfigResource> resources =
            topics.stream().map(topic -> new ConfigResource(ConfigResource.Type.TOPIC, topic)).toList();
        var described = admin.describeConfigs(resources).values();
        var altered = admin.incrementalAlterConfigs(resources.stream().collect(
            Collectors.toMap(topic -> topic, topic -> set("retention.bytes", "-1"))), VALIDATE).values();
        for (ConfigResource topic : resources) {
            answer("DescribeConfigs", topic.name(), described.get(topic));
            answer("AlterConfigs", topic.name(), altered.get(topic));
        }
    }

    private void onCluster(String topic) throws Exception {
        answer("Describe", "cluster", admin.describeAcls(AclBindingFilter.ANY).values());
        answer("DescribeConfigs", "cluster", admin.describeConfigs(List.of(BROKER)).all());
        answer("Alter", "cluster", admin.createAcls(List.of(grant("User:nobody", "nothing"))).all());
        answer("AlterConfigs", "cluster", admin.incrementalAlterConfigs(
            Map.of(BROKER, set("log.cleaner.threads", "1")), VALIDATE).all());
        // One broker's request to another: the end of a transaction. It goes to whom leads the topic.
        answer("ClusterAction", "cluster", admin.abortTransaction(
            new AbortTransactionSpec(new TopicPartition(topic, 0), 1_000_000, (short) 0, 0)).all());
    }

    private static Collection<AlterConfigOp> set(String name, String value) {
        return List.of(new AlterConfigOp(new ConfigEntry(name, value), AlterConfigOp.OpType.SET));
    }

    private void answer(String operation, String object, KafkaFuture<?> request) throws Exception {
        String answer = "done";
        try {
            request.get();
        } catch (ExecutionException error) {
            answer = error.getCause().getClass().getSimpleName();
        }
        System.out.println(String.join("\t", who, operation, object, answer));
    }
}
