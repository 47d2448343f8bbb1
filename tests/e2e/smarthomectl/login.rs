//! `smarthomectl login`: through a browser, at the development issuer of a site.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use harness::http;
use harness::process::{Process, Spec, wait_until};
use harness::site::{OPERATOR, TOOL_CLIENT_ID, USERS};
use reqwest::header::LOCATION;
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use super::{Desk, TOOL, ended};
use crate::support::PATIENCE;

/// A desk whose tool can log in, and where nobody has.
struct Door {
    desk: Desk,
    token_file: PathBuf,
}

/// The tool at its question, and the address that it gave.
struct Begun {
    process: Process,
    url: Url,
}

impl Door {
    async fn set_up() -> Result<Self> {
        let desk = Desk::set_up().await?;
        let token_file = desk.site().dir.join("operator.token");
        std::fs::remove_file(&token_file)?;
        let issuer = desk.site().issuer()?;
        let login = format!(
            "[login]\nissuer = {:?}\nclient_id = {TOOL_CLIENT_ID:?}\nca_file = {:?}\n",
            issuer.as_str().trim_end_matches('/'),
            desk.site().pki.bundle(),
        );
        let mut file = std::fs::File::options().append(true).open(&desk.config)?;
        file.write_all(login.as_bytes())?;
        Ok(Self { desk, token_file })
    }

    /// `login`, up to the address.
    async fn begin(&self) -> Result<Begun> {
        let log = self
            .desk
            .site()
            .dir
            .join(format!("logs/{}.out", Uuid::new_v4()));
        let spec = Spec::workspace(TOOL, &log)?
            .args(["login", "--no-browser", "--config"])
            .arg(&self.desk.config);
        let process = Process::spawn(&spec)?;
        let address = |process: &Process| {
            let text = process.log_tail(20);
            let mut lines = text.lines();
            let line = lines.find(|line| line.starts_with("https://"));
            line.and_then(|line| Url::parse(line).ok())
        };
        wait_until(PATIENCE, "the address", || {
            let said = address(&process).is_some();
            async move { said }
        })
        .await?;
        let url = address(&process).context("an address")?;
        Ok(Begun { process, url })
    }

    /// Where the issuer sends the browser after the operator has logged in.
    async fn browse(&self, url: &Url) -> Result<Url> {
        let browser = dev_issuer::http_client(&std::fs::read(self.desk.site().pki.bundle())?)?;
        let page = browser.get(url.clone()).send().await?;
        assert!(page.status().is_success(), "{}", page.text().await?);
        let user = USERS.iter().find(|user| user.username == OPERATOR);
        let user = user.context("the operator")?;
        let form = [("username", user.username), ("password", user.password)];
        let answer = browser.post(url.clone()).form(&form).send().await?;
        let location = answer.headers().get(LOCATION).context("sent on")?;
        Ok(location.to_str()?.parse()?)
    }

    async fn log_in(&self) -> Result<()> {
        let mut begun = self.begin().await?;
        let target = self.browse(&begun.url).await?;
        let page = http::plain()?.get(target).send().await?;
        assert_eq!(page.status(), 200);
        let status = begun.process.wait_exit(PATIENCE).await?;
        assert_eq!(status.code(), Some(0), "{}", begun.process.log_tail(20));
        Ok(())
    }

    fn token(&self) -> Result<String> {
        Ok(std::fs::read_to_string(&self.token_file)?)
    }

    fn kept(&self) -> PathBuf {
        self.token_file.with_extension("token.login")
    }

    /// The token has ended, as far as the tool knows.
    fn expire(&self) -> Result<()> {
        let mut kept: Value = serde_json::from_slice(&std::fs::read(self.kept())?)?;
        kept["expires_at"] = json!("2026-01-01T00:00:00Z");
        Ok(std::fs::write(self.kept(), kept.to_string())?)
    }
}

fn parameter(url: &Url, name: &str) -> Result<String> {
    let mut pairs = url.query_pairs();
    let found = pairs.find(|(key, _)| key == name);
    let (_, value) = found.with_context(|| name.to_owned())?;
    Ok(value.into_owned())
}

#[tokio::test]
async fn a_login_gives_the_token_that_every_command_uses_and_renews() -> Result<()> {
    let door = Door::set_up().await?;
    door.log_in().await?;
    let first = door.token()?;
    for file in [&door.token_file, &door.kept()] {
        let mode = std::fs::metadata(file)?.permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
    let partner = ["partner_id: gatekeeper"];
    ended(
        &door.desk.run(&["get", "global"]).await?,
        1,
        &["no complex"],
    );
    ended(&door.desk.apply(&["--yes"]).await?, 0, &["changes made"]);
    let global = door.desk.run(&["get", "global"]).await?;
    ended(&global, 0, &partner);
    assert_eq!(door.token()?, first, "it was still good");

    // Without a browser, from here on.
    door.expire()?;
    ended(&door.desk.run(&["get", "global"]).await?, 0, &partner);
    let second = door.token()?;
    assert_ne!(second, first);
    ended(&door.desk.run(&["login"]).await?, 0, &["Renewed;"]);
    assert_ne!(door.token()?, second);

    // What renewed it once works no more.
    let mut spent: Value = serde_json::from_slice(&std::fs::read(door.kept())?)?;
    spent["refresh_token"] = json!("spent");
    std::fs::write(door.kept(), spent.to_string())?;
    door.expire()?;
    let over = door.desk.run(&["get", "global"]).await?;
    ended(&over, 1, &["the login has ended; run `smarthomectl login`"]);
    assert!(!over.text.contains(second.trim()), "{}", over.text);
    door.log_in().await?;
    ended(&door.desk.run(&["get", "global"]).await?, 0, &partner);
    door.desk.ground.finish().await
}

#[tokio::test]
async fn an_answer_to_another_login_ends_nothing_and_a_refusal_is_told() -> Result<()> {
    let door = Door::set_up().await?;
    let mut begun = door.begin().await?;
    let asked = |name: &str| parameter(&begun.url, name);
    assert_eq!(asked("code_challenge_method")?, "S256");
    let redirect: Url = asked("redirect_uri")?.parse()?;
    assert_eq!(
        (redirect.scheme(), redirect.host_str()),
        ("http", Some("127.0.0.1"))
    );
    let state = asked("state")?;
    let issuer = door.desk.site().issuer()?;
    let issuer = issuer.as_str().trim_end_matches('/');
    let plain = http::plain()?;
    let arrive = async |path: &str, pairs: &[(&str, &str)]| -> Result<u16> {
        let mut url = redirect.join(path)?;
        url.query_pairs_mut().extend_pairs(pairs);
        Ok(plain.get(url).send().await?.status().as_u16())
    };
    assert_eq!(arrive("/favicon.ico", &[]).await?, 404);
    let code = ("code", "stolen");
    assert_eq!(arrive("/callback", &[code, ("iss", issuer)]).await?, 400);
    let wrong = [code, ("state", "other"), ("iss", issuer)];
    assert_eq!(arrive("/callback", &wrong).await?, 400);
    assert!(matches!(begun.process.exited(), Ok(None)), "it waits on");

    let refusal = [
        ("error", "access_denied"),
        ("state", &state),
        ("iss", issuer),
    ];
    assert_eq!(arrive("/callback", &refusal).await?, 200);
    let status = begun.process.wait_exit(PATIENCE).await?;
    assert_eq!(status.code(), Some(1));
    let told = begun.process.log_tail(5);
    assert!(
        told.contains("the login was refused, or called off"),
        "{told}"
    );
    assert!(!door.token_file.exists());

    // A code that nobody gave, and an answer in another issuer's name.
    for (iss, expected) in [
        (issuer, "the issuer gave no token: invalid_grant"),
        ("https://other.example", "comes from another issuer"),
    ] {
        let mut begun = door.begin().await?;
        let state = parameter(&begun.url, "state")?;
        let mut url: Url = parameter(&begun.url, "redirect_uri")?.parse()?;
        url.query_pairs_mut()
            .extend_pairs([code, ("state", &state), ("iss", iss)]);
        assert_eq!(plain.get(url).send().await?.status(), 200);
        assert_eq!(begun.process.wait_exit(PATIENCE).await?.code(), Some(1));
        let told = begun.process.log_tail(5);
        assert!(told.contains(expected), "{told}");
        assert!(!told.contains("stolen"), "{told}");
    }
    door.desk.ground.finish().await
}

#[tokio::test]
async fn without_a_login_the_tool_says_what_to_do() -> Result<()> {
    let door = Door::set_up().await?;
    let missing = door.desk.run(&["get", "global"]).await?;
    ended(&missing, 1, &["token_file"]);
    let config = std::fs::read_to_string(&door.desk.config)?;
    let (without, _) = config.split_once("[login]").context("a section")?;
    std::fs::write(&door.desk.config, without)?;
    let told = door.desk.run(&["login", "--no-browser"]).await?;
    ended(
        &told,
        1,
        &["has no section [login]", "smarthomectl login --help"],
    );
    let nowhere = config.replace("issuer = \"https://", "issuer = \"https://nowhere.invalid/");
    std::fs::write(&door.desk.config, nowhere)?;
    let told = door.desk.run(&["login", "--no-browser"]).await?;
    ended(&told, 1, &["can't reach", "look at `issuer`"]);
    door.desk.ground.finish().await
}
