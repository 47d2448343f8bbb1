//! `demo.json`: what is where, for whoever wants to call the demo; and lines that work as
//! printed.

use std::path::Path;

use anyhow::{Context as _, Result};
use harness::fixtures::{COMPLEXES, DEVICES};
use harness::pki::Issued;
use harness::process::Port;
use harness::site::{CLIENT_ID, ORIGIN, Part, REDIRECT_URI, SCOPE, Site, USERS};
use serde_json::{Value, json};

/// Writes it.
pub(crate) fn write(site: &Site, path: &Path) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let text = serde_json::to_string_pretty(&manifest(site)?)?;
    // Readers never see half a file.
    let half = path.with_extension(format!("json.{}", std::process::id()));
    std::fs::write(&half, text)?;
    std::fs::rename(&half, path).with_context(|| format!("write {}", path.display()))
}

fn manifest(site: &Site) -> Result<Value> {
    let ports = &site.ports;
    let certificates = &site.certificates;
    let topics = [
        "access.events.v1",
        "registry.events.v1",
        "subjects.v1",
        "device.status.v1",
        "audit.reads.v1",
        "ingress.rejected.v1",
    ];
    Ok(json!({
        "folder": site.dir,
        "addresses": {
            "access": address(&ports.access),
            "registry": address(&ports.registry),
            "audit": address(&ports.audit),
            "tiles": format!("https://{}", address(&ports.tiles)),
            "console": site.console_url(),
            "resident_app": site.app_url(),
            "webhook": format!("https://{}/v1/events", address(&ports.webhook)),
            "partner_api": format!("https://{}", address(&ports.partner)),
            "partner_control": format!("http://127.0.0.1:{}/control", ports.control.number()),
            "admin": {
                "command-svc": admin(&ports.admin[0]),
                "webhook-gw": admin(&ports.admin[1]),
                "projector": admin(&ports.admin[2]),
            },
        },
        "services": {
            "access": ["smarthome.access.v1.AccessService"],
            "registry": ["smarthome.access.v1.RegistryService", "smarthome.access.v1.SubjectService"],
            "audit": ["smarthome.access.v1.AuditService", "smarthome.access.v1.DeviceStatusService"],
        },
        "certificates": {
            "roots": site.pki.bundle(),
            "bff": pair(&certificates.bff),
            "operator": pair(&certificates.operator),
            "auditor": pair(&certificates.auditor),
            "partner": pair(&certificates.partner),
            "command-svc": pair(&certificates.services[&Part::CommandSvc]),
        },
        "issuer": {
            "url": site.issuer()?.as_str().trim_end_matches('/'),
            "roots": site.issuer_roots(),
            "development_only": true,
            "flow": "authorization_code with PKCE S256",
            "client_id": CLIENT_ID,
            "redirect_uri": REDIRECT_URI,
            "scope": SCOPE,
            "users": USERS.map(|user| json!({
                "username": user.username, "password": user.password, "roles": user.roles,
                "complexes": user.complexes,
            })),
        },
        "tokens": {
            "how": "cargo xtask token USERNAME logs in through the issuer's pages and prints an access token; send it as metadata `authorization: Bearer TOKEN`",
            "example": ["cargo", "xtask", "token", "anna"],
        },
        "webhook": { "secret_file": site.keys.webhook, "standard": "Standard Webhooks, v1 (HMAC-SHA-256)" },
        "event_log": { "url": site.log_url(), "topics": topics },
        "views": { "url": site.views_url() },
        "tiles": { "folder": site.tiles(), "layout": "<topic>/<complex>/ in the C2SP tlog-tiles layout" },
        "verification_key": site.keys.vkey,
        "origin": format!("{ORIGIN}/<topic>/<complex>"),
        "partner": { "journal": site.journal() },
        "complexes": COMPLEXES.map(|complex| json!({
            "id": complex.id, "name": complex.name, "time_zone": complex.time_zone,
            "resident": complex.resident,
        })),
        "devices": DEVICES.map(|device| json!({
            "id": device.id, "operation": device.operation().as_str_name().trim_start_matches("OPERATION_"),
        })),
        "configs": site.parts().iter().map(|part| json!({ "process": part.name(), "file": site.config(*part) })).collect::<Vec<_>>(),
        "logs": site.dir.join("logs"),
    }))
}

fn address(port: &Port) -> String {
    format!("localhost:{}", port.number())
}

fn admin(port: &Port) -> String {
    format!("http://127.0.0.1:{}", port.number())
}

fn pair(issued: &Issued) -> Value {
    json!({ "certificate": issued.certificate, "private_key": issued.private_key })
}

/// Lines that work as printed, while the demo is up.
pub(crate) fn how_to_call(site: &Site) -> Result<String> {
    let roots = site.pki.bundle().display();
    let issuer = site.issuer()?;
    let login_roots = site.issuer_roots().display();
    let tls = |issued: &Issued| {
        format!(
            "-cacert {roots} -cert {} -key {}",
            issued.certificate.display(),
            issued.private_key.display()
        )
    };
    let (bff, auditor) = (tls(&site.certificates.bff), tls(&site.certificates.auditor));
    let operator = tls(&site.certificates.operator);
    let (access, audit) = (address(&site.ports.access), address(&site.ports.audit));
    let registry = address(&site.ports.registry);
    Ok(format!(
        r#"
The site is up until Ctrl-C. In a browser that trusts {roots} (or takes the warning):

  the residents' app: {app}
    log in as anna, boris or vera (password resident-password)
  the auditors' console: {console}
    log in as auditor (password auditor-password)

Both send the browser to log in at {issuer} (whose certificate {login_roots} vouches for).

From this folder, in another terminal:

  open a door as anna:
    grpcurl {bff} -H "authorization: Bearer $(cargo xtask token anna)" -d "$(cargo xtask open-request sunrise.main-door)" {access} smarthome.access.v1.AccessService/Open

  read the audit log as an auditor:
    grpcurl {auditor} -H "authorization: Bearer $(cargo xtask token auditor)" -d '{{"complex_id":"sunrise"}}' {audit} smarthome.access.v1.AuditService/SearchAccess

  see as a resident what was opened, and who looked at it:
    grpcurl {bff} -H "authorization: Bearer $(cargo xtask token anna)" -d '{{"complex_id":"sunrise"}}' {audit} smarthome.access.v1.ResidentService/ListMyHistory
    grpcurl {bff} -H "authorization: Bearer $(cargo xtask token anna)" -d '{{"complex_id":"sunrise"}}' {audit} smarthome.access.v1.ResidentService/ListWhoLooked

  verify it without trusting the site (`auditctl --help` has more, `auditctl replay` makes every decision again):
    cargo run -q -p auditctl -- verify {folder} --key '{vkey}'
    curl -s --cacert {roots} https://{tiles}/access.events.v1/sunrise/checkpoint

  see who may open what as an operator:
    grpcurl {operator} -H "authorization: Bearer $(cargo xtask token operator)" -d '{{"complex_id":"sunrise"}}' {registry} smarthome.access.v1.RegistryService/GetComplex

  drive a car to the barrier:
    curl -s -X POST http://127.0.0.1:{control}/control/devices/sunrise.north-gate/plate -H 'content-type: application/json' -d '{{"plate":"{plate}"}}'

  metrics of command-svc:
    curl -s http://127.0.0.1:{admin}/metrics
"#,
        app = site.app_url(),
        control = site.ports.control.number(),
        folder = site.tiles().display(),
        vkey = site.keys.vkey,
        tiles = address(&site.ports.tiles),
        console = site.console_url(),
        plate = harness::fixtures::ANNAS_PLATE,
        admin = site.ports.admin[0].number(),
    ))
}
