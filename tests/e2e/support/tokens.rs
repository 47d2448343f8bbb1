//! Access tokens of any shape, signed with any key: the issuer's own, or a forger's.

use anyhow::{Context as _, Result};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use harness::site::Site;
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::Value;

/// A token in its parts.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    pub(crate) header: Value,
    pub(crate) claims: Value,
}

impl Parts {
    /// Takes a token apart.
    pub(crate) fn of(token: &str) -> Result<Self> {
        let mut parts = token.split('.');
        let mut next = || -> Result<Value> {
            let part = parts.next().context("a JWS has three parts")?;
            Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part)?)?)
        };
        Ok(Self {
            header: next()?,
            claims: next()?,
        })
    }

    /// With a claim of another value; null takes it away.
    pub(crate) fn claim(mut self, name: &str, value: Value) -> Self {
        set(&mut self.claims, name, value);
        self
    }

    /// With a header parameter of another value; null takes it away.
    pub(crate) fn header(mut self, name: &str, value: Value) -> Self {
        set(&mut self.header, name, value);
        self
    }

    fn message(&self) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}", part(&self.header), part(&self.claims))
    }

    /// Without a signature.
    pub(crate) fn unsigned(&self) -> String {
        format!("{}.", self.message())
    }

    /// With another token's signature.
    pub(crate) fn signed_as(&self, token: &str) -> String {
        let signature = token.rsplit('.').next().unwrap_or_default();
        format!("{}.{signature}", self.message())
    }

    /// Signed with ES256 (RFC 7518, section 3.4).
    pub(crate) fn sign(&self, key: &EcdsaKeyPair) -> Result<String> {
        let message = self.message();
        let signature = key
            .sign(&SystemRandom::new(), message.as_bytes())
            .ok()
            .context("sign")?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// Signed with HS256, the issuer's public key as the secret: the classic confusion.
    pub(crate) fn sign_with_public_key(&self, key: &EcdsaKeyPair) -> String {
        let message = self.message();
        let secret = hmac::Key::new(hmac::HMAC_SHA256, key.public_key().as_ref());
        let signature = hmac::sign(&secret, message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn set(object: &mut Value, name: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        match value {
            Value::Null => members.remove(name),
            value => members.insert(name.to_owned(), value),
        };
    }
}

/// The development issuer's signing key.
pub(crate) fn issuers_key(site: &Site) -> Result<EcdsaKeyPair> {
    let file = site.dir.join("keys/issuer-signing.pem");
    let der = PrivatePkcs8KeyDer::from_pem_file(file)
        .ok()
        .context("the issuer's key")?;
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.secret_pkcs8_der());
    key.ok().context("the issuer's key")
}

/// A key that no issuer publishes.
pub(crate) fn forgers_key() -> Result<EcdsaKeyPair> {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
    key.ok().context("generate a key")
}
