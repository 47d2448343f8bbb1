#!/bin/sh
# Makes the bucket; may be run again.
set -eu
bucket=audit-log
shell() { printf '%s\n' "$@" | weed shell -master=127.0.0.1:9333 -filer=127.0.0.1:8888; }
shell s3.bucket.list | grep -q "^  $bucket[[:space:]]" || shell "s3.bucket.create -name $bucket"
shell "fs.configure -locationPrefix=/buckets/$bucket/ -fsync -apply"
shell s3.bucket.list | grep -q "^  $bucket[[:space:]]"
