#!/bin/bash
# Starts the broker, on files that it makes when there are none.
set -euo pipefail
{
    cat /smarthome/broker.properties
    echo
    cat /smarthome/kafka.properties
} > /tmp/server.properties
# What the health check connects with: the broker's own certificate.
cat > /tmp/health.properties <<'EOF'
security.protocol=SSL
ssl.keystore.type=PEM
ssl.keystore.location=/pki/kafka.pem
ssl.truststore.type=PEM
ssl.truststore.location=/pki/ca.crt
EOF
/opt/kafka/bin/kafka-storage.sh format --ignore-formatted \
    --cluster-id "$CLUSTER_ID" --config /tmp/server.properties
exec /opt/kafka/bin/kafka-server-start.sh /tmp/server.properties
