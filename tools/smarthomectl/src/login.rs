//! `smarthomectl login`: OAuth 2.0 for an app on the operator's own machine (RFC 8252), the
//! Authorization Code grant with PKCE (RFC 7636). The browser comes back to a port of 127.0.0.1.

mod browser;
mod callback;
mod kept;

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use jiff::{SignedDuration, Timestamp};
use weblogin::{Provider, ProviderConfig, RenewError, RequiredLogin, Tokens};

use crate::cli::LoginArgs;
use crate::config::Config;
use crate::failure::Failure;

use self::callback::Callback;
use self::kept::Kept;

/// A token that ends sooner than this is renewed first.
const SOON: SignedDuration = SignedDuration::from_secs(30);
/// How long the operator may take in the browser.
const PATIENCE: Duration = Duration::from_secs(5 * 60);

/// Runs it.
///
/// # Errors
/// The issuer can't be reached, or refuses; the text says what to do.
pub(crate) async fn run(config: &Config, args: &LoginArgs) -> Result<(), Failure> {
    let wanted = config.login.as_ref().context(
        "the configuration has no section [login]; `smarthomectl login --help` shows one",
    )?;
    let token_file = config.token_file.path();
    let issuer = Provider::discover(wanted).await;
    let issuer = issuer.map_err(anyhow::Error::from)?;
    if let Some(kept) = Kept::read(token_file, wanted)?
        && !args.again
    {
        match renew(&issuer, &kept).await {
            Ok(tokens) => {
                let kept = Kept::write(token_file, wanted, &tokens)?;
                println!("Renewed; {}.", until(&kept));
                return Ok(());
            }
            Err(RenewError::Over) => {}
            Err(error) => return Err(anyhow::Error::from(error).into()),
        }
    }
    let callback = Callback::listen().await?;
    let asked = issuer
        .ask(&callback.redirect_uri(), RequiredLogin::default())
        .map_err(anyhow::Error::from)?;
    if args.no_browser || !browser::open(asked.url.as_str()) {
        println!(
            "Open this address in a browser on this machine:\n{}",
            asked.url
        );
    } else {
        println!("The browser has opened {}.", wanted.issuer.0);
    }
    let answer = tokio::time::timeout(PATIENCE, callback.answer(&asked, &issuer)).await;
    let code = answer.context("nobody has logged in for five minutes; run it again")??;
    let tokens = issuer
        .redeem(code, asked)
        .await
        .map_err(anyhow::Error::from)?;
    let kept = Kept::write(token_file, wanted, &tokens)?;
    println!("Logged in; {}.", until(&kept));
    Ok(())
}

async fn renew(issuer: &Provider, kept: &Kept) -> Result<Tokens, RenewError> {
    let token = kept.refresh_token.as_ref().ok_or(RenewError::Over)?;
    issuer.renew(token).await
}

fn until(kept: &Kept) -> String {
    match (kept.expires_at, &kept.refresh_token) {
        (Some(at), Some(_)) => format!("the token holds until {at}, and is renewed when it ends"),
        (Some(at), None) => format!("the token holds until {at}; log in again then"),
        (None, _) => "the issuer does not say until when".to_owned(),
    }
}

/// Renews a token that has ended or is about to, and goes on doing so while the command runs. Does
/// nothing where nobody has logged in with this tool.
///
/// # Errors
/// It can't be renewed: log in again.
pub(crate) async fn keep_fresh(config: &Config) -> Result<()> {
    let Some(wanted) = config.login.clone() else {
        return Ok(());
    };
    let token_file = config.token_file.path().to_owned();
    let Some(mut kept) = Kept::read(&token_file, &wanted)? else {
        return Ok(());
    };
    if kept.ends_before(Timestamp::now() + SOON) {
        kept = renewed(&kept, &wanted, &token_file).await?;
    }
    tokio::spawn(async move {
        while let (Some(end), Some(_)) = (kept.expires_at, &kept.refresh_token) {
            let left = (end - SOON).duration_since(Timestamp::now());
            tokio::time::sleep(left.try_into().unwrap_or_default()).await;
            match renewed(&kept, &wanted, &token_file).await {
                Ok(next) => kept = next,
                // The call that needs it is refused, and says so.
                Err(_) => return,
            }
        }
    });
    Ok(())
}

async fn renewed(kept: &Kept, wanted: &ProviderConfig, file: &std::path::Path) -> Result<Kept> {
    const AGAIN: &str = "the login has ended; run `smarthomectl login`";
    if kept.refresh_token.is_none() {
        bail!("{AGAIN}");
    }
    let issuer = Provider::discover(wanted).await.context(
        "the access token has expired and can't be renewed now; try again, or run \
         `smarthomectl login`",
    )?;
    match renew(&issuer, kept).await {
        Ok(tokens) => Kept::write(file, wanted, &tokens),
        Err(RenewError::Over) => {
            // Another run may have renewed it meanwhile: a refresh token works once.
            let now = Kept::read(file, wanted)?;
            let now = now.filter(|now| !now.ends_before(Timestamp::now() + SOON));
            now.context(AGAIN)
        }
        Err(error) => Err(anyhow::Error::from(error).context("the access token can't be renewed")),
    }
}
