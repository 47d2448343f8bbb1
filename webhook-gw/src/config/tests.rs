#![allow(clippy::unwrap_used)]
use super::*;

const GOOD: &str = include_str!("../../tests/it/good.toml");

fn load(text: &str) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("webhook-gw.toml");
    std::fs::write(&path, text).unwrap();
    let config: Config = service::config::load(&path, "WEBHOOK_GW_NO_SUCH_PREFIX")
        .map_err(|error| error.to_string())?;
    config.validate().map(|()| config)
}

fn with(line: &str) -> Result<Config, String> {
    load(&format!("{line}\n{GOOD}"))
}

#[test]
fn the_smallest_file_has_the_documented_defaults() {
    let config = load(GOOD).unwrap();
    assert_eq!((config.max_body, config.max_batch), (262_144, 100));
    assert_eq!(config.queued_records(), 1024, "the log's own");
    assert_eq!(config.max_queued_bytes, 64 << 20);
    assert_eq!(config.lateness, Duration::from_secs(86_400));
    assert_eq!(config.limits().lateness, SignedDuration::from_hours(24));
    assert!(
        config.partners[0].secrets[0].path().is_absolute(),
        "relative to the file"
    );
}

#[test]
fn a_misspelt_key_is_named() {
    let told = with("max_bodies = 1").unwrap_err();
    assert!(told.contains("max_bodies"), "{told}");
    let told = load(&GOOD.replace("operators_key", "operator_key")).unwrap_err();
    assert!(told.contains("operator_key"), "{told}");
}

#[test]
fn values_that_cannot_work_are_refused_by_name() {
    for (line, key) in [
        ("max_body = 0", "max_body"),
        ("max_body = 999999", "max_body"),
        ("max_batch = 0", "max_batch"),
        ("max_batch = 2000", "max_batch"),
        ("max_in_flight = 0", "max_in_flight"),
        ("max_queued_records = 0", "max_queued_records"),
        ("max_queued_records = 2000", "max_queued_records"),
        ("max_queued_records = 99", "max_batch"),
        ("max_queued_bytes = 262143", "max_queued_bytes"),
        ("max_queued_bytes = 2000000000", "max_queued_bytes"),
        ("deliveries_kept = 1001", "deliveries_kept"),
        ("lateness = \"9000h\"", "lateness"),
    ] {
        let told = with(line).unwrap_err();
        assert!(told.contains(&format!("`{key}`")), "{told}");
    }
    let twice = format!("{GOOD}\n[[partners]]\nid = \"gatekeeper\"\nsecrets = [\"x\"]\n");
    assert!(load(&twice).unwrap_err().contains("twice"));
    let idle = format!("{GOOD}quota = {{ max_in_flight = 0 }}\n");
    assert!(load(&idle).unwrap_err().contains("quota.max_in_flight"));
    let alone = format!("{GOOD}quota = {{ max_connections = 0 }}\n");
    assert!(load(&alone).unwrap_err().contains("quota.max_connections"));
    let hasty = GOOD.replace("[listen]\n", "[listen]\nheader_timeout = \"1ms\"\n");
    assert!(load(&hasty).unwrap_err().contains("header_timeout"));
    let asked = "partner = \"gatekeeper\"\nbase_url = \"https://partner.example\"\nclient_id = \"webhook-gw\"\ntls = { certificate = \"c\", private_key = \"k\", server_roots = \"r\" }\n";
    let backfill =
        |keys: &str, partners: &str| load(&format!("{GOOD}\n[backfill]\n{keys}\n{partners}"));
    let one = format!("[[backfill.partners]]\n{asked}");
    let good = backfill("", &one).unwrap();
    let good = good.backfill.unwrap();
    assert_eq!(
        (good.after, good.give_up),
        (Duration::from_secs(30), Duration::from_secs(900))
    );
    for keys in [
        "after = \"10ms\"",
        "give_up = \"1s\"",
        "window = \"1s\"",
        "window = \"721h\"",
    ] {
        let told = backfill(keys, &one).unwrap_err();
        let key = keys.split(' ').next().unwrap();
        assert!(
            told.contains(&format!("`backfill.{key}` must be")),
            "{told}"
        );
    }
    assert!(
        backfill("", &format!("{one}{one}"))
            .unwrap_err()
            .contains("twice")
    );
    let other = one.replace("gatekeeper", "other");
    assert!(
        backfill("", &other)
            .unwrap_err()
            .contains("`partners` doesn't")
    );
    let plain = one.replace("https:", "http:");
    assert!(backfill("", &plain).unwrap_err().contains("base_url"));
    let none = GOOD.replace("[\"gatekeeper.secret\"]", "[]");
    assert!(load(&none).unwrap_err().contains("no secret"));
}
