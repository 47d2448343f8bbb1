#!/bin/bash
# Copies from the folder SMARTHOME_PKI, mounted at /from, to each engine what is its own and nothing else.
set -euo pipefail
umask 077
# give VOLUME USER FILE...: readable by that user of the engine's image only.
give() {
    local to=/pki/$1 user=$2 file
    shift 2
    for file in "$@"; do
        install --owner "$user" --group "$user" --mode 0400 "/from/$file" "$to/$file"
    done
    chown "$user:$user" "$to"
    chmod 0500 "$to"
}
give kafka 1000 ca.crt kafka.pem
give kafka-admin 1000 ca.crt kafka-admin.pem
give cassandra 999 ca.crt cassandra.pem
give cassandra-admin 999 ca.crt cassandra-admin.crt cassandra-admin.key
give s3 1000 ca.crt s3.crt s3.key

# The two keys of the bucket, as the services have them in files of their own.
word() { tr -d '[:space:]' < "/from/$1"; }
identity() {
    local name=$1 id key
    shift
    id=$(word "$name.id") key=$(word "$name.key")
    if [[ ! $id =~ ^[A-Za-z0-9]{16,128}$ || ! $key =~ ^[A-Za-z0-9/+=]{32,128}$ ]]; then
        echo "$name.id must be 16 to 128 letters and digits, $name.key 32 to 128 of A-Z a-z 0-9 / + =" >&2
        exit 1
    fi
    printf '{"name":"%s","credentials":[{"accessKey":"%s","secretKey":"%s"}],"actions":[%s]}' \
        "$name" "$id" "$key" "$*"
}
bucket=audit-log
{
    printf '{"identities":['
    identity projector-bucket "\"Read:$bucket\",\"List:$bucket\",\"Write:$bucket\""
    printf ','
    identity projector-serve-bucket "\"Read:$bucket\",\"List:$bucket\""
    printf ']}\n'
} > /pki/s3/s3.json
chown 1000:1000 /pki/s3/s3.json
chmod 0400 /pki/s3/s3.json
