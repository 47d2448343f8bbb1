//! `smarthomectl import`, against a site with its complexes.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use eventlog::Topic;
use harness::clients::{Operator, open_request};
use harness::process::Spec;
use harness::site::USERS;
use proto::access::{EnsureSubjectRequest, GetComplexRequest, Outcome};
use proto::events as pb;
use proto::events::change::Entity;

use super::{TOOL, configured, ended, up_to_the_question};
use crate::support::terminal::Terminal;
use crate::support::tool::{self, Ended};
use crate::support::{PATIENCE, Scene, registry};

/// Lines of the file; four sets of changes and more calls for references than one.
const RESIDENTS: usize = 2000;
/// The line of somebody who can log in, and lives nowhere yet.
const GRIGORY: usize = 1500;

/// A site, and the tool's configuration.
struct Office {
    scene: Scene,
    config: PathBuf,
}

impl Office {
    async fn open() -> Result<Self> {
        let scene = Scene::start().await?;
        let site = scene.site();
        let config = configured(site, "operator", &site.certificates.operator).await?;
        Ok(Self { scene, config })
    }

    fn folder(&self) -> &Path {
        &self.scene.site().dir
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> Result<PathBuf> {
        let file = self.folder().join(name);
        std::fs::write(&file, bytes)?;
        Ok(file)
    }

    /// The issuer, as it stands in tokens.
    fn issuer(&self) -> Result<String> {
        let issuer = self.scene.site().issuer()?;
        Ok(issuer.as_str().trim_end_matches('/').to_owned())
    }

    /// A file with so many owners of everything; one of them is grigory.
    fn residents(&self, count: usize) -> Result<String> {
        let (issuer, mut text) = (self.issuer()?, "issuer,user_id,role\n".to_owned());
        for number in 2..2 + count {
            let user = match number {
                GRIGORY => grigory()?.to_owned(),
                number => user(number),
            };
            text.push_str(&format!("{issuer},{user},OWNER\n"));
        }
        Ok(text)
    }

    /// Runs it to its end.
    async fn import(&self, file: &Path, more: &[&str]) -> Result<Ended> {
        let path = |path: &Path| path.to_str().map(str::to_owned).context("a path in UTF-8");
        let (file, config) = (path(file)?, path(&self.config)?);
        let args = [
            "import", "sunrise", &file, "--config", &config, "--note", "moved in",
        ];
        let logs = self.folder().join("logs");
        let ended = tool::run(TOOL, args.iter().chain(more), &logs).await?;
        assert!(!ended.text.contains("canary-"), "{}", ended.text);
        Ok(ended)
    }

    /// Residents and grants of the complex.
    async fn count(&self) -> Result<(usize, usize)> {
        let mut operator = Operator::connect(self.scene.site()).await?;
        let mut request = GetComplexRequest {
            complex_id: "sunrise".to_owned(),
            ..GetComplexRequest::default()
        };
        let (mut residents, mut grants) = (0, 0);
        loop {
            let page = operator.registry.get_complex(request.clone()).await?;
            let page = page.into_inner();
            for entity in page.entities {
                match entity.entity.and_then(|change| change.entity) {
                    Some(Entity::Resident(_)) => residents += 1,
                    Some(Entity::Grant(_)) => grants += 1,
                    _ => {}
                }
            }
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        Ok((residents, grants))
    }

    /// The reference of a user of the file.
    async fn reference(&self, user_id: &str) -> Result<String> {
        let mut operator = Operator::connect(self.scene.site()).await?;
        let request = EnsureSubjectRequest {
            issuer: self.issuer()?,
            user_id: user_id.to_owned(),
        };
        let answer = operator.registry.ensure_subject(request).await?;
        Ok(answer.into_inner().subject_ref)
    }
}

fn user(number: usize) -> String {
    format!("canary-{number}")
}

fn grigory() -> Result<&'static str> {
    let user = USERS.iter().find(|user| user.username == "grigory");
    Ok(user.context("grigory")?.sub)
}

#[tokio::test]
async fn two_thousand_move_in_once_and_one_of_them_opens_a_door() -> Result<()> {
    let office = Office::open().await?;
    let text = office.residents(RESIDENTS)?;
    let file = office.write("residents.csv", &text)?;
    let before = office.scene.traces().await?;

    let plan = "sunrise: residents: 2000 new, 0 changed, 0 unchanged; \
                grants: 2000 new, 0 changed, 0 unchanged; people who get a reference: 2000";
    ended(&office.import(&file, &["--dry-run"]).await?, 0, &[plan]);
    ended(
        &office.import(&file, &[]).await?,
        1,
        &[plan, "there is no terminal to ask at"],
    );
    assert_eq!(office.scene.traces().await?, before);

    let imported = "sunrise: imported; residents: 2000 new, 0 changed, 0 unchanged; \
                    grants: 2000 new, 0 changed, 0 unchanged; bad lines: 0";
    let progress = ["references: 2000 of 2000", "changes: 4000 of 4000"];
    let first = office.import(&file, &["--yes"]).await?;
    ended(&first, 0, &[&[plan, imported][..], &progress].concat());
    // Anna lived there before.
    assert_eq!(office.count().await?, (2001, 2001));
    let after = office.scene.traces().await?;
    let written = |topic| after.records(topic) - before.records(topic);
    assert_eq!(written(Topic::Subjects), 2000);
    assert!((8..=12).contains(&written(Topic::RegistryEvents)));

    // The same people as Russian Excel writes them.
    let mut columns = "\u{feff}role;user_id;issuer\r\n".to_owned();
    for line in text.lines().skip(1) {
        let mut fields: Vec<_> = line.split(',').collect();
        fields.reverse();
        columns.push_str(&(fields.join(";") + "\r\n"));
    }
    let excel = office.write("excel.csv", columns)?;
    let nothing = [
        "residents: 0 new, 0 changed, 2000 unchanged; grants: 0 new, 0 changed, 2000 unchanged",
        "Nothing to do.",
    ];
    for file in [&file, &excel] {
        ended(&office.import(file, &["--yes"]).await?, 0, &nothing);
    }
    assert_eq!(office.scene.traces().await?, after);

    let token = office.scene.token("grigory").await?;
    let request = open_request("sunrise.main-door")?;
    let opened = office.scene.bff.open(&token, request).await?;
    assert_eq!(opened.outcome(), Outcome::Executed);
    office.scene.finish().await
}

#[tokio::test]
async fn bad_lines_stop_an_import_or_are_left_out() -> Result<()> {
    let office = Office::open().await?;
    let issuer = office.issuer()?;
    let text = format!(
        "issuer,user_id,role,device_ids,not_after\n\
         {issuer},canary-2,OWNER,,\n\
         {issuer},canary-3,LANDLORD,,\n\
         {issuer},canary-4,OWNER,sunrise.main-door sunrise.cellar,\n\
         {issuer},canary-5,STAFF,sunrise.main-door,2030-01-01T00:00:00+03:00\n\
         {issuer},canary-2,OWNER,,\n"
    );
    let (file, report) = (
        office.write("residents.csv", &text)?,
        office.folder().join("bad.csv"),
    );
    let before = office.scene.traces().await?;
    let told = [
        "problems: 3, nothing was changed",
        "residents.csv:3: role: expected OWNER or HOUSEHOLD or STAFF",
        "residents.csv:4: device_ids: device 2: not registered in sunrise",
        "residents.csv:6: user_id: line 2 gives the same person the same right",
    ];
    let named = [
        "--yes",
        "--report",
        report.to_str().context("a path in UTF-8")?,
    ];
    ended(&office.import(&file, &named).await?, 2, &told);
    let written = "line,column,problem\n\
                   3,role,expected OWNER or HOUSEHOLD or STAFF\n\
                   4,device_ids,device 2: not registered in sunrise\n\
                   6,user_id,line 2 gives the same person the same right\n";
    assert_eq!(std::fs::read_to_string(&report)?, written);
    let onto_itself = [
        "--yes",
        "--report",
        file.to_str().context("a path in UTF-8")?,
    ];
    ended(
        &office.import(&file, &onto_itself).await?,
        1,
        &["--report names the file"],
    );

    let windows = [text.as_bytes(), b"\xC0\xED\xED\xE0,,,,\n"].concat();
    let windows = office.write("windows.csv", windows)?;
    for more in [&["--yes"][..], &["--yes", "--skip-bad"]] {
        let told = [
            "windows.csv:7: this is not UTF-8",
            "CSV UTF-8",
            "nothing was changed",
        ];
        ended(&office.import(&windows, more).await?, 2, &told);
    }
    assert_eq!(office.scene.traces().await?, before);

    let skipped = office
        .import(&file, &[&named[..], &["--skip-bad"]].concat())
        .await?;
    let told = [
        "problems: 3, lines left out: 3:",
        "residents.csv:4: device_ids",
        "imported; residents: 2 new, 0 changed, 0 unchanged; grants: 2 new, 0 changed, 0 unchanged; \
         bad lines: 3",
        "3 bad lines were left out",
    ];
    ended(&skipped, 1, &told);
    assert_eq!(std::fs::read_to_string(&report)?, written);
    assert_eq!(office.count().await?, (3, 3));
    let staff = office.reference("canary-5").await?;
    let (_, grant) = registry::find(&office.scene, "sunrise", |entity| match entity {
        Entity::Grant(grant) if grant.subject_ref == staff => Some(grant),
        _ => None,
    })
    .await?;
    assert_eq!(grant.role(), pb::GrantRole::Staff);
    assert_eq!(grant.device_ids, ["sunrise.main-door"]);
    let window = grant.window.context("a window")?;
    assert_eq!(window.not_after.context("an end")?.seconds, 1_893_445_200);
    let after = office.scene.traces().await?;
    assert_eq!(
        after.records(Topic::Subjects),
        before.records(Topic::Subjects) + 2
    );
    office.scene.finish().await
}

#[tokio::test]
async fn what_somebody_else_changes_meanwhile_is_told_and_left() -> Result<()> {
    let office = Office::open().await?;
    let file = office.write("residents.csv", office.residents(3)?)?;
    let mut terminal = Terminal::open()?;
    let log = office.folder().join("logs/import.out");
    let spec = Spec::workspace(TOOL, &log)?
        .args(["import", "sunrise", "--note", "moved in"])
        .arg(&file)
        .arg("--config")
        .arg(&office.config)
        .stdin(terminal.path());
    let mut process = up_to_the_question(&spec).await?;
    let subject_ref = office.reference(&user(3)).await?;
    let resident = pb::Resident {
        subject_ref: subject_ref.clone(),
        active: false,
    };
    registry::put(&office.scene, "sunrise", 0, Entity::Resident(resident)).await?;
    terminal.enter("yes")?;
    let status = process.wait_exit(PATIENCE).await?;
    let text = std::fs::read_to_string(&log)?;
    let told = [
        "residents: 3 new",
        "0 of 1 change sets are known to be made: somebody else changed sunrise meanwhile",
        "run the same import again",
    ];
    ended(&Ended { status, text }, 1, &told);
    assert_eq!(office.count().await?, (2, 1));

    let again = office.import(&file, &["--yes"]).await?;
    ended(
        &again,
        0,
        &["residents: 2 new, 1 changed, 0 unchanged; grants: 3 new"],
    );
    assert_eq!(office.count().await?, (4, 4));
    office.scene.finish().await
}
