//! Plain HTTP on loopback: admin listeners and the partner's control API.

use anyhow::Result;

/// A client that follows no redirects and goes through no proxy.
///
/// # Errors
/// It can't be made.
pub fn plain() -> Result<reqwest::Client> {
    // Whoever was first wins; all of them are this one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let builder = reqwest::Client::builder().no_proxy();
    Ok(builder
        .redirect(reqwest::redirect::Policy::none())
        .build()?)
}
