#!/bin/bash
# Applies keyspace, schema and roles of ../cassandra to the node's files, in a container without a network,
# since it is the password that every new node has that opens it. Done once; a half-done run is begun again.
set -euo pipefail
done=/var/lib/cassandra/prepared
if [ -e "$done" ]; then
    exit 0
fi
sed '/^authenticator:/,/^authorizer:/c\
authenticator: PasswordAuthenticator\
authorizer: CassandraAuthorizer' /smarthome/cassandra.yaml > /tmp/cassandra.yaml
grep -q '^authenticator: PasswordAuthenticator$' /tmp/cassandra.yaml
export JVM_EXTRA_OPTS="-Dcassandra.config=file:///tmp/cassandra.yaml -Dcassandra.superuser_setup_delay_ms=0 \
-Dcassandra.skip_wait_for_gossip_to_settle=0 -Dcassandra.ring_delay_ms=0"
cassandra -f &
node=$!
cql() { cqlsh --cqlshrc=/smarthome/cqlshrc -u cassandra -p cassandra "$@" 127.0.0.1 9042; }
until cql -e 'LIST ROLES' > /dev/null 2>&1; do
    kill -0 "$node"
    sleep 2
done
cql -f /smarthome/keyspace-one-node.cql
cql -k smarthome_views -f /smarthome/schema.cql
cql -k smarthome_views_b -f /smarthome/schema.cql
cql -f /smarthome/roles.cql
kill -TERM "$node"
wait "$node" || true
touch "$done"
