//! Buckets in memory: atomic conditional writes, unless told to be worse.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use s3s::dto::{
    CommonPrefix, DeleteObjectInput, DeleteObjectOutput, ETag, ETagCondition, GetObjectInput,
    GetObjectOutput, ListObjectsV2Input, ListObjectsV2Output, Object, PutObjectInput,
    PutObjectOutput, ServerSideEncryption, StreamingBlob, Timestamp,
};
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use tokio::sync::Notify;

/// The only bucket.
pub(crate) const BUCKET: &str = "audit-log";

/// What a server makes of `If-None-Match: *`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Creates {
    /// Creates, or says that the object exists; never both.
    #[default]
    Atomically,
    /// Takes no notice.
    Always,
    /// Looks whether the object exists, and writes it a little later.
    Afterwards,
}

/// What it answers instead of doing what it is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Mood {
    #[default]
    Well,
    /// To everything: 503.
    Busy,
    /// To everything: 500.
    Broken,
    /// To everything: 404, there is no such bucket.
    Gone,
    /// To a question after an object that doesn't exist: 403, as to somebody who may not list.
    Secretive,
    /// To a creation: 409, so many times.
    Conflicting(u32),
}

#[derive(Default)]
pub(crate) struct Behaviour {
    pub(crate) creates: Creates,
    pub(crate) mood: Mood,
    /// Stores what was to be encrypted without saying that it was.
    pub(crate) ignores_encryption: bool,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Bytes>,
    behaviour: Behaviour,
    /// What the last object was to be encrypted with: how, and with which key.
    encryption: (Option<String>, Option<String>),
    /// Creations that have looked and not yet written.
    looking: HashMap<String, Arc<Notify>>,
    looked_at: HashSet<String>,
}

/// What a server keeps; it outlives the server.
#[derive(Clone, Default)]
pub(crate) struct Bucket(Arc<Mutex<State>>);

impl Bucket {
    pub(crate) fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.0.lock().unwrap().behaviour);
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.0.lock().unwrap().objects.keys().cloned().collect()
    }

    pub(crate) fn encryption(&self) -> (Option<String>, Option<String>) {
        self.0.lock().unwrap().encryption.clone()
    }

    /// Whether it answers at all today.
    fn receive(&self, bucket: &str) -> S3Result<()> {
        match self.0.lock().unwrap().behaviour.mood {
            Mood::Busy => Err(s3_error!(SlowDown)),
            Mood::Broken => Err(s3_error!(InternalError)),
            Mood::Gone => Err(s3_error!(NoSuchBucket)),
            _ if bucket != BUCKET => Err(s3_error!(NoSuchBucket)),
            _ => Ok(()),
        }
    }

    /// Lets the first two creations of an object look at the same time.
    async fn look_together(&self, key: &str) {
        let other = {
            let state = &mut *self.0.lock().unwrap();
            if state.looked_at.contains(key) {
                return;
            }
            match state.looking.remove(key) {
                Some(first) => {
                    state.looked_at.insert(key.to_owned());
                    first.notify_one();
                    return;
                }
                None => {
                    let notify = Arc::new(Notify::new());
                    state.looking.insert(key.to_owned(), notify.clone());
                    notify
                }
            }
        };
        other.notified().await;
    }
}

fn etag(bytes: &Bytes) -> ETag {
    ETag::Strong(format!("{:x}-{}", bytes.len(), bytes.last().unwrap_or(&0)))
}

fn now() -> Timestamp {
    SystemTime::now().into()
}

#[async_trait]
impl S3 for Bucket {
    async fn put_object(
        &self,
        request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let input = request.input;
        self.receive(&input.bucket)?;
        let body = input.body.ok_or_else(|| s3_error!(IncompleteBody))?;
        let read: BytesMut = body
            .try_fold(BytesMut::new(), async |mut all, chunk| {
                all.extend_from_slice(&chunk);
                Ok(all)
            })
            .await
            .map_err(|_| s3_error!(IncompleteBody))?;
        let bytes = read.freeze();
        let create = input.if_none_match == Some(ETagCondition::Any);
        let creates = self.0.lock().unwrap().behaviour.creates;
        if create && creates == Creates::Afterwards {
            if self.0.lock().unwrap().objects.contains_key(&input.key) {
                return Err(s3_error!(PreconditionFailed));
            }
            self.look_together(&input.key).await;
        }
        let state = &mut *self.0.lock().unwrap();
        if let (true, Mood::Conflicting(left)) = (create, &mut state.behaviour.mood)
            && *left > 0
        {
            *left -= 1;
            return Err(s3_error!(ConditionalRequestConflict));
        }
        let exists = state.objects.contains_key(&input.key);
        if create && creates == Creates::Atomically && exists {
            return Err(s3_error!(PreconditionFailed));
        }
        let told = !state.behaviour.ignores_encryption;
        let wanted = input.server_side_encryption;
        state.encryption = (
            wanted.as_ref().map(|how| how.as_str().to_owned()),
            input.ssekms_key_id,
        );
        let output = PutObjectOutput {
            e_tag: Some(etag(&bytes)),
            server_side_encryption: wanted.filter(|_: &ServerSideEncryption| told),
            ..PutObjectOutput::default()
        };
        state.objects.insert(input.key, bytes);
        Ok(S3Response::new(output))
    }

    async fn get_object(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let input = request.input;
        self.receive(&input.bucket)?;
        let state = self.0.lock().unwrap();
        let Some(bytes) = state.objects.get(&input.key).cloned() else {
            return Err(match state.behaviour.mood {
                Mood::Secretive => s3_error!(AccessDenied),
                _ => s3_error!(NoSuchKey),
            });
        };
        let (length, tag) = (bytes.len(), etag(&bytes));
        let whole = futures::stream::iter([Ok::<_, std::io::Error>(bytes)]);
        Ok(S3Response::new(GetObjectOutput {
            body: Some(StreamingBlob::wrap(whole)),
            content_length: i64::try_from(length).ok(),
            e_tag: Some(tag),
            last_modified: Some(now()),
            ..GetObjectOutput::default()
        }))
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.receive(&request.input.bucket)?;
        self.0.lock().unwrap().objects.remove(&request.input.key);
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = request.input;
        self.receive(&input.bucket)?;
        let prefix = input.prefix.unwrap_or_default();
        let after = input.continuation_token.or(input.start_after);
        let state = self.0.lock().unwrap();
        if let Some(delimiter) = input.delimiter {
            let folder = |key: &String| {
                let end = key.strip_prefix(&prefix)?.find(&delimiter)? + delimiter.len();
                Some(key[..prefix.len() + end].to_owned())
            };
            let folders: BTreeSet<String> = state.objects.keys().filter_map(folder).collect();
            let folders = folders.into_iter().map(|folder| CommonPrefix {
                prefix: Some(folder),
            });
            return Ok(S3Response::new(ListObjectsV2Output {
                common_prefixes: Some(folders.collect()),
                is_truncated: Some(false),
                name: Some(input.bucket),
                prefix: Some(prefix),
                ..ListObjectsV2Output::default()
            }));
        }
        // Few, so that more than one page is asked for.
        let most = 50;
        let mut contents: Vec<Object> = state
            .objects
            .range(prefix.clone()..)
            .take_while(|(key, _)| key.starts_with(&prefix))
            .filter(|(key, _)| after.as_ref().is_none_or(|after| *key > after))
            .take(most + 1)
            .map(|(key, bytes)| Object {
                key: Some(key.clone()),
                size: i64::try_from(bytes.len()).ok(),
                e_tag: Some(etag(bytes)),
                last_modified: Some(now()),
                ..Object::default()
            })
            .collect();
        let more = contents.len() > most;
        contents.truncate(most);
        let last = contents.last().and_then(|object| object.key.clone());
        Ok(S3Response::new(ListObjectsV2Output {
            key_count: i32::try_from(contents.len()).ok(),
            is_truncated: Some(more),
            next_continuation_token: last.filter(|_| more),
            contents: Some(contents),
            name: Some(input.bucket),
            prefix: Some(prefix),
            ..ListObjectsV2Output::default()
        }))
    }
}
