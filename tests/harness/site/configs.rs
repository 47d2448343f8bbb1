//! The configuration file of each process.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::keys::ORIGIN;
use super::roles::{
    AUDITOR_SAN, BFF_SAN, COMMAND_SVC_SAN, CONSOLE_CLIENT_ID, OPERATOR_SAN, PARTNER, WEB_CLIENT_ID,
};
use super::{Part, Site, engines, logins};
use crate::fixtures::{COMPLEXES, DEVICES};
use crate::pki::Issued;
use crate::process::Port;

pub(super) fn write(site: &Site) -> Result<()> {
    for part in Part::all(site.pair())
        .into_iter()
        .chain([Part::CommandSvcTwin, Part::ResidentApp])
    {
        let config = match part {
            Part::Issuer => logins::development(site),
            Part::Partner => partner(site),
            Part::CommandSvc => command_svc(site, &site.ports.access, &site.ports.registry, 0)?,
            Part::CommandSvcTwin => {
                command_svc(site, &site.ports.twin_access, &site.ports.twin_registry, 4)?
            }
            Part::WebhookGw => webhook_gw(site),
            Part::Projector | Part::ProjectorServe => projector(site, part)?,
            Part::ResidentApp => resident_app(site)?,
        };
        let path = site.config(part);
        let text = toml::to_string_pretty(&config)?;
        std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
    }
    Ok(())
}

fn server_tls(site: &Site, part: Part) -> Value {
    let issued = &site.certificates.servers[&part];
    json!({
        "certificate": issued.certificate,
        "private_key": issued.private_key,
        "client_roots": site.pki.bundle(),
    })
}

fn client_tls(site: &Site, issued: &Issued) -> Value {
    json!({
        "certificate": issued.certificate,
        "private_key": issued.private_key,
        "server_roots": site.pki.bundle(),
    })
}

fn process(site: &Site, admin: usize) -> Value {
    json!({
        "admin": { "listen": site.ports.admin[admin].address() },
        "telemetry": { "filter": "info" },
        "shutdown": { "grace": "20s" },
    })
}

fn records(site: &Site) -> Value {
    json!({
        "root": site.keys.record_root,
        "certificates": site.keys.record_certificates,
    })
}

/// The complexes' time zones, by id.
fn time_zones() -> Value {
    let zones = COMPLEXES.iter();
    let zones = zones.map(|complex| (complex.id.to_owned(), json!(complex.time_zone)));
    Value::Object(zones.collect())
}

fn partner(site: &Site) -> Value {
    let server = &site.certificates.servers[&Part::Partner];
    let client = &site.certificates.partner;
    let data = site.dir.join("data");
    let complexes: Vec<Value> = COMPLEXES
        .iter()
        .map(|complex| {
            let devices: Vec<Value> = DEVICES
                .iter()
                .filter(|device| device.complex() == complex.id)
                .map(|device| {
                    json!({ "id": device.id, "kind": device.partner_kind(), "actuation": "150ms" })
                })
                .collect();
            json!({ "id": complex.id, "devices": devices })
        })
        .collect();
    json!({
        "partner": PARTNER,
        "api": {
            "listen": site.ports.partner.address(),
            "issuer": format!("https://localhost:{}", site.ports.partner.number()),
            "certificate": server.certificate,
            "key": server.private_key,
            "client_ca": site.pki.bundle(),
        },
        "clients": [{
            "client_id": "command-svc",
            "tls_client_auth_san_uri": COMMAND_SVC_SAN,
            "scopes": ["doors:open", "barriers:open", "commands:read", "credentials:write", "attestation:read"],
            "complexes": COMPLEXES.map(|complex| complex.id),
        }, {
            "client_id": "webhook-gw",
            "tls_client_auth_san_uri": "spiffe://smarthome/webhook-gw",
            "scopes": ["events:read", "devices:read"],
            "complexes": COMPLEXES.map(|complex| complex.id),
        }],
        "store": { "path": data.join("partner.db"), "keyring": data.join("partner-keyring.json") },
        "journal": { "path": site.journal() },
        "attestation": { "signing_key": site.keys.attestation },
        "webhook": {
            "url": format!("https://localhost:{}", site.ports.webhook.number()),
            "secret_file": site.keys.webhook,
            "certificate": client.certificate,
            "key": client.private_key,
            "ca": site.pki.bundle(),
            "retry_min": "200ms",
            "retry_max": "5s",
        },
        "control": { "listen": site.ports.control.address() },
        "complexes": complexes,
    })
}

fn command_svc(site: &Site, access: &Port, registry: &Port, admin: usize) -> Result<Value> {
    let keys = &site.keys;
    Ok(json!({
        "process": process(site, admin),
        "log": engines::log(site, Part::CommandSvc),
        "access": {
            "address": access.address(),
            "allowed_peers": [BFF_SAN],
            "tls": server_tls(site, Part::CommandSvc),
        },
        "registry": {
            "address": registry.address(),
            "allowed_peers": [OPERATOR_SAN],
            "tls": server_tls(site, Part::CommandSvc),
        },
        "issuer": logins::owners(site)?,
        "operators": logins::operators(site)?,
        "records": records(site),
        "signer": { "private_key": keys.record_key, "certificate": keys.record_certificate()? },
        "keys": {
            "lookup": keys.lookup,
            "identity": keys.identity,
            "plate": keys.plate,
            "token_key": keys.token_key,
            "face": keys.face,
        },
        "partners": [{
            "partner": PARTNER,
            "base_url": format!("https://localhost:{}", site.ports.partner.number()),
            "client_id": "command-svc",
            "tls": client_tls(site, &site.certificates.services[&Part::CommandSvc]),
        }],
        // A partner that is told to fail must not fail at this instead: tests ask by themselves.
        "privileges": { "first_after": "1h" },
        // A test that registers something goes on to use it.
        "provisioning": { "wait": "20s" },
        "limits": {
            "ceiling": "6s",
            "fence_reserve": "3s",
            "reconcile_after": "1s",
            // Tests press more often than people do.
            "rates": { "subject": { "per_minute": 60_000, "burst": 1_000 } },
        },
    }))
}

fn resident_app(site: &Site) -> Result<Value> {
    let localhost = |port: &Port| format!("https://localhost:{}", port.number());
    Ok(json!({
        "process": process(site, 5),
        "listen": {
            "address": site.ports.app.address(),
            "tls": server_tls(site, Part::ResidentApp),
        },
        "login": logins::page(site, WEB_CLIENT_ID, &site.app_url())?,
        "access": localhost(&site.ports.access),
        "residents": localhost(&site.ports.audit),
        "tls": client_tls(site, &site.certificates.bff),
        "time_zone": "Europe/Moscow",
    }))
}

fn webhook_gw(site: &Site) -> Value {
    json!({
        "process": process(site, 1),
        "listen": {
            "address": site.ports.webhook.address(),
            "tls": server_tls(site, Part::WebhookGw),
        },
        "log": engines::log(site, Part::WebhookGw),
        "records": records(site),
        "rejected": { "operators_key": site.keys.operators_public },
        "partners": [{ "id": PARTNER, "secrets": [site.keys.webhook] }],
        "backfill": {
            // A test that leaves a gap on purpose counts what is sent and recorded.
            "after": "10m",
            "partners": [{
                "partner": PARTNER,
                "base_url": format!("https://localhost:{}", site.ports.partner.number()),
                "client_id": "webhook-gw",
                "tls": client_tls(site, &site.certificates.services[&Part::WebhookGw]),
            }],
        },
    })
}

fn projector(site: &Site, part: Part) -> Result<Value> {
    Ok(json!({
        "process": process(site, if part == Part::Projector { 2 } else { 3 }),
        "log": engines::log(site, part),
        "views": engines::views(site, part),
        "tiles": { "url": format!("file://{}", site.tiles().display()) },
        "records": records(site),
        "audit": { "origin": ORIGIN, "verification_key": site.keys.checkpoint_verifier },
        "project": { "signing_key": site.keys.checkpoint },
        "serve": {
            "listen": site.ports.audit.address(),
            "peers": [AUDITOR_SAN],
            "tls": server_tls(site, Part::Projector),
            "issuer": logins::auditors(site)?,
            "identities": {
                "key_file": site.keys.identity,
                "lookup_key_file": site.keys.lookup,
            },
            "residents": { "peers": [BFF_SAN], "issuer": logins::owners(site)? },
            "paging": { "key_file": site.keys.paging },
            "tiles": {
                "listen": site.ports.tiles.address(),
                "tls": server_tls(site, Part::Projector),
            },
            "console": {
                "listen": site.ports.console.address(),
                "tls": server_tls(site, Part::Projector),
                "login": logins::page(site, CONSOLE_CLIENT_ID, &site.console_url())?,
                "time_zones": time_zones(),
            },
        },
    }))
}
