#!/bin/bash
# Makes the topics and grants the rights of ../kafka, on one broker: one replica of each topic. May be
# run again.
set -euo pipefail
set -o noglob
cat > /tmp/operator.properties <<'EOF'
security.protocol=SSL
ssl.keystore.type=PEM
ssl.keystore.location=/pki/kafka-admin.pem
ssl.truststore.type=PEM
ssl.truststore.location=/pki/ca.crt
EOF
# Each line of a file that isn't a comment is the arguments of one call.
call() {
    local program=$1 line
    while read -r line; do
        case $line in '' | '#'*) continue ;; esac
        # shellcheck disable=SC2086
        "/opt/kafka/bin/$program" --bootstrap-server kafka:9094 \
            --command-config /tmp/operator.properties $line < /dev/null
    done
}
sed -e 's/--replication-factor 3/--replication-factor 1/' \
    -e 's/min\.insync\.replicas=2/min.insync.replicas=1/' \
    /smarthome/topics.txt | call kafka-topics.sh
call kafka-acls.sh < /smarthome/acls.txt
