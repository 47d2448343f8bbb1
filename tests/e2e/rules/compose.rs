//! `deploy/compose.yaml`, as far as it can be judged without running it: it mounts files that are
//! there, reaches no farther than this machine, and runs the versions that the tests run.
//!
//! It is read line by line, in the one way in which it is written: whatever is written another
//! way is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

/// What makes the engines ready; each file of these folders is mounted, or stands here.
const FOLDERS: [&str; 2] = ["kafka", "cassandra"];
const NOT_MOUNTED: [&str; 3] = [
    "kafka/README.md",
    "cassandra/README.md",
    "cassandra/keyspace.cql",
];

fn deploy() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy"))
}

/// The lines of a section, or of the whole file.
#[derive(Default)]
struct Section(Vec<(usize, String)>);

impl Section {
    /// The sections below the topmost one of this name, by their names.
    fn below(&self, name: &str) -> BTreeMap<String, Self> {
        let mut found: BTreeMap<String, Self> = BTreeMap::new();
        let start = (0, format!("{name}:"));
        let mut current = None;
        let mut lines = self.0.iter().skip_while(|line| **line != start).skip(1);
        while let Some((indent, text)) = lines.next().filter(|(indent, _)| *indent > 0) {
            if *indent == 2 {
                let name = text.split(':').next().unwrap_or_default().to_owned();
                found.insert(name.clone(), Self::default());
                current = Some(name);
            }
            if let Some(section) = current.as_ref().and_then(|name| found.get_mut(name)) {
                section.0.push((*indent, text.clone()));
            }
        }
        found
    }

    /// The items of a list, each on a line of its own.
    fn list(&self, name: &str) -> Vec<String> {
        let mut lines = self.0.iter();
        let start = lines.find(|(_, text)| text == &format!("{name}:"));
        let Some((depth, _)) = start else {
            return Vec::new();
        };
        let items = lines.take_while(|(indent, _)| indent > depth);
        items
            .map(|(_, text)| text.trim_start_matches("- ").to_owned())
            .collect()
    }

    fn value(&self, name: &str) -> Option<&str> {
        let mut lines = self.0.iter();
        lines.find_map(|(_, text)| text.strip_prefix(&format!("{name}: ")))
    }
}

fn compose() -> Result<Section> {
    let text = fs::read_to_string(deploy().join("compose.yaml"))?;
    let lines = text.lines().filter(|line| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with('#')
    });
    Ok(Section(
        lines
            .map(|line| {
                let text = line.trim_start();
                (line.len() - text.len(), text.to_owned())
            })
            .collect(),
    ))
}

fn services() -> Result<BTreeMap<String, Section>> {
    let services = compose()?.below("services");
    ensure!(services.len() >= 6, "{:?}", services.keys());
    Ok(services)
}

/// `source:target[:ro]` of each mount.
fn mounts(service: &Section) -> Vec<String> {
    service.list("volumes")
}

#[test]
fn whatever_is_mounted_is_there_and_stays_as_it_is() -> Result<()> {
    let volumes: BTreeSet<String> = compose()?.below("volumes").into_keys().collect();
    let (mut used, mut mounted) = (BTreeSet::new(), BTreeSet::new());
    for (name, service) in services()? {
        for mount in mounts(&service) {
            if let Some(file) = mount.strip_prefix("./") {
                let (file, target) = file.split_once(':').context("a target")?;
                let path = deploy().join(file);
                assert!(path.is_file(), "{name} mounts {file}, which isn't there");
                assert!(target.ends_with(":ro"), "{name} could write {file}");
                if file.ends_with(".sh") {
                    let mode = fs::metadata(&path)?.permissions().mode();
                    assert!(mode & 0o111 == 0o111, "{file} can't be executed");
                }
                mounted.insert(file.to_owned());
            } else if mount.starts_with("${SMARTHOME_PKI:?") {
                assert_eq!(name, "certificates", "{name} sees all certificates");
                assert!(mount.ends_with(":ro"), "{mount}");
            } else {
                let volume = mount.split(':').next().unwrap_or_default().to_owned();
                assert!(volumes.contains(&volume), "{name} mounts {mount}");
                used.insert(volume);
            }
        }
    }
    assert_eq!(used, volumes, "named volumes");
    for folder in FOLDERS {
        for file in fs::read_dir(deploy().join(folder))? {
            let file = format!("{folder}/{}", file?.file_name().to_string_lossy());
            let known = mounted.contains(&file) || NOT_MOUNTED.contains(&file.as_str());
            assert!(known, "{file} isn't applied");
        }
    }
    for file in fs::read_dir(deploy().join("compose"))? {
        let file = format!("compose/{}", file?.file_name().to_string_lossy());
        assert!(mounted.contains(&file), "{file} isn't used");
    }
    Ok(())
}

#[test]
fn nothing_is_published_beyond_this_machine() -> Result<()> {
    for (name, service) in services()? {
        for port in service.list("ports") {
            assert!(port.starts_with("127.0.0.1:"), "{name} publishes {port}");
        }
        for (_, text) in &service.0 {
            for word in ["ports: [", "published", "host_ip", "privileged", "extends"] {
                assert!(!text.starts_with(word), "{name}: {text}");
            }
        }
        let network = service.value("network_mode");
        assert!(
            network.is_none_or(|mode| mode == "none" || mode == "service:s3"),
            "{name}: {network:?}"
        );
    }
    Ok(())
}

#[test]
fn images_are_pinned_to_the_versions_that_the_tests_run() -> Result<()> {
    let pom = |engine: &str| {
        let harness = concat!(env!("CARGO_MANIFEST_DIR"), "/harness/engines");
        fs::read_to_string(format!("{harness}/{engine}/pom.xml"))
    };
    let (kafka, cassandra) = (pom("kafka")?, pom("cassandra")?);
    for (name, service) in services()? {
        let image = service.value("image").with_context(|| name.clone())?;
        let (repository, tag) = image.split_once(':').with_context(|| image.to_owned())?;
        let parts: Vec<&str> = tag.split('.').collect();
        let numbers = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
        assert!(parts.len() >= 2 && parts.iter().all(numbers), "{image}");
        let tested = format!("<version>{tag}</version>");
        match repository {
            "apache/kafka" => assert!(kafka.contains(&tested), "{image}"),
            "cassandra" => assert!(cassandra.contains(&tested), "{image}"),
            "chrislusf/seaweedfs" => {}
            other => panic!("{name} runs {other}"),
        }
    }
    Ok(())
}

#[test]
fn every_listener_asks_for_a_certificate() -> Result<()> {
    let read = |file: &str| fs::read_to_string(deploy().join(file));
    let kafka = format!(
        "{}{}",
        read("kafka/broker.properties")?,
        read("compose/kafka.properties")?
    );
    let setting = |name: &str| {
        let lines = kafka.lines();
        let found = lines.filter_map(|line| line.split_once('='));
        let mut found = found.filter(|(key, _)| *key == name);
        found.next().map(|(_, value)| value.to_owned())
    };
    let protocols = setting("listener.security.protocol.map").context("protocols")?;
    for protocol in protocols.split(',') {
        assert!(protocol.ends_with(":SSL"), "{protocol}");
    }
    assert_eq!(setting("ssl.client.auth").as_deref(), Some("required"));
    let cassandra = read("compose/cassandra.yaml")?;
    for line in [
        "  enabled: true",
        "  optional: false",
        "  require_client_auth: true",
        "listen_address: 127.0.0.1",
        "  class_name: org.apache.cassandra.auth.MutualTlsAuthenticator",
    ] {
        assert!(cassandra.lines().any(|l| l == line), "{line}");
    }
    let seaweed = read("compose/s3-security.toml")?;
    for line in ["min_version = \"TLS 1.3\"", "max_version = \"TLS 1.3\""] {
        assert!(seaweed.lines().any(|l| l == line), "{line}");
    }
    let services = services()?;
    let flags = services.get("s3").context("s3")?.list("command");
    for flag in [
        "-ip.bind=127.0.0.1",
        "-s3.tlsVerifyClientCert",
        "-s3.cacert.file=/pki/ca.crt",
        "-s3.cert.file=/pki/s3.crt",
        "-s3.key.file=/pki/s3.key",
    ] {
        assert!(flags.iter().any(|f| f == flag), "{flag} in {flags:?}");
    }
    Ok(())
}
