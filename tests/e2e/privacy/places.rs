//! Everywhere that something personal could stand.

use std::path::Path;

use anyhow::{Context as _, Result};
use eventlog::Topic;
use harness::site::Part;

use super::canary::Search;
use crate::support::{Scene, tool};

/// What was collected, by name.
#[derive(Default)]
pub(crate) struct Places(Vec<(String, Vec<u8>)>);

impl Places {
    /// All of a site: what its processes say while they run, and what stays when they have stopped.
    pub(crate) async fn of(scene: &mut Scene) -> Result<Self> {
        let mut places = Self::default();
        places.add("metrics", metrics(scene).await?);
        for topic in Topic::ALL {
            places.add(format!("records of {topic}"), records(scene, topic).await?);
        }
        let dir = scene.site().dir.clone();
        let config = scene.site().config(scene.site().serving());
        let config = config.to_str().context("a path in UTF-8")?;
        let views = tool::run(
            "projector",
            ["dump-views", "--config", config],
            &dir.join("logs"),
        )
        .await?;
        anyhow::ensure!(views.status.success(), "dump-views: {}", views.text);
        places.add("every row of the views", views.text);
        scene.site_mut().stop().await?;
        for folder in ["data", "logs", "engines"] {
            let folder = dir.join(folder);
            if folder.is_dir() {
                places.read(&folder)?;
            }
        }
        Ok(places)
    }

    /// Something more.
    pub(crate) fn add(&mut self, name: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.0.push((name.into(), bytes.into()));
    }

    /// Every file below a folder.
    fn read(&mut self, folder: &Path) -> Result<()> {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                self.read(&path)?;
            } else {
                let mut bytes = std::fs::read(&path)?;
                // Engines set space aside.
                let end = bytes.iter().rposition(|byte| *byte != 0);
                bytes.truncate(end.map_or(0, |last| last + 1));
                self.add(path.to_string_lossy(), bytes);
            }
        }
        Ok(())
    }

    /// Where the search finds something, and what.
    pub(crate) fn finds<'a>(&'a self, search: &'a Search) -> Vec<(&'a str, &'a str)> {
        let places = self.0.iter();
        places
            .filter_map(|(place, bytes)| Some((place.as_str(), search.find(bytes)?)))
            .collect()
    }

    /// Whether the search finds something in a place whose name holds `name`.
    pub(crate) fn has(&self, name: &str, search: &Search) -> bool {
        let mut named = self.0.iter().filter(|(place, _)| place.contains(name));
        named.any(|(_, bytes)| search.find(bytes).is_some())
    }
}

/// What each process counts.
async fn metrics(scene: &Scene) -> Result<String> {
    let mut all = String::new();
    for port in scene.admin() {
        let url = format!("http://{}/metrics", port.address());
        let answer = harness::http::plain()?.get(url).send().await?;
        all += &answer.text().await?;
    }
    Ok(all)
}

/// A topic's content as its readers get it: a page boundary hides nothing here.
async fn records(scene: &Scene, topic: Topic) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    for record in scene.log.records(topic).await? {
        all.extend_from_slice(&record.key);
        for (name, value) in &record.headers {
            all.extend_from_slice(name.as_bytes());
            all.extend_from_slice(value);
        }
        all.extend_from_slice(record.value.as_deref().unwrap_or_default());
    }
    Ok(all)
}

/// Our processes.
pub(crate) fn ours(scene: &crate::support::Ground) -> Vec<Part> {
    let parts = Part::all(scene.site.pair()).into_iter();
    parts
        .filter(|part| !matches!(part, Part::Issuer | Part::Partner))
        .collect()
}
