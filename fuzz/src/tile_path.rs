//! Paths of a published log, as anybody may ask for them.

use auditlog::{LogId, Origin, PublishedObject};
use projector::serve::tiles::Asked;

/// A path is read in the one way that it can be written, names nothing outside of its log, and is
/// read exactly when a slow and plain reading of C2SP tlog-tiles says that it is one.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let object = PublishedObject::parse(text);
    assert_eq!(object.is_some(), is_path(text), "{object:?}");
    if let Some(object) = object {
        assert_eq!(object.to_string(), text);
    }
    in_a_log(text);
    let mut parts = text.splitn(3, '/');
    if let (Some(topic), Some(complex)) = (parts.next(), parts.next())
        && let Ok(log) = LogId::new(topic, complex)
    {
        assert_eq!((log.topic(), log.complex()), (topic, complex));
        let prefix = log.to_string();
        assert!(!prefix.contains("..") && !prefix.contains("//") && !prefix.contains('%'));
        let origin = Origin::new("audit.example", &log).expect("a log has an origin");
        assert_eq!(origin.as_str(), format!("audit.example/{prefix}"));
    }
}

/// The path of a request is that of its log and its object, and no other text is.
fn in_a_log(text: &str) {
    let path = format!("/{text}");
    let Some(asked) = Asked::of(&path) else {
        return;
    };
    assert_eq!(format!("/{}/{}", asked.log, asked.object), path);
    let whose = asked.complex.as_ref().map(|complex| complex.as_str());
    assert!(whose.is_none_or(|complex| complex == asked.log.complex()));
    assert!(whose.is_some() || asked.log.complex().starts_with("_partition-"));
    assert!(!path.contains("..") && !path.contains("//") && !path.contains('%'));
}

/// C2SP tlog-tiles, word by word.
fn is_path(text: &str) -> bool {
    let parts: Vec<&str> = text.split('/').collect();
    let (kind, number) = match parts[..] {
        ["checkpoint"] => return true,
        ["tile", kind, ref number @ ..] => (kind, number),
        // Ours: no part of C2SP.
        ["position", ref number @ ..] => ("entries", number),
        _ => return false,
    };
    let level = kind == "entries" || (0..=63).any(|level| kind == level.to_string());
    let (groups, width) = match number {
        [groups @ .., last, width] if last.ends_with(".p") => {
            let mut groups = groups.to_vec();
            groups.push(&last[..last.len() - 2]);
            (groups, (1..256).any(|w| *width == w.to_string()))
        }
        groups => (groups.to_vec(), true),
    };
    let Some((last, before)) = groups.split_last() else {
        return false;
    };
    let group = |text: &str| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    let spelt = group(last)
        && before
            .iter()
            .all(|text| text.strip_prefix('x').is_some_and(group))
        && before.first().is_none_or(|first| *first != "x000");
    let digits: String = groups
        .iter()
        .map(|text| text.trim_start_matches('x'))
        .collect();
    let small = digits.len() < 30
        && digits
            .parse::<u128>()
            .is_ok_and(|index| index < u128::from(auditlog::MAX_LEAVES));
    level && width && spelt && small
}
