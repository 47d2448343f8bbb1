//! What a test's site wrote, judged by an auditor: every decision once more.

use anyhow::{Result, ensure};
use harness::site::Site;

use super::tool;

/// How `auditctl` ends where all is proven, and where a part of it can't be told.
const GOOD: [i32; 2] = [0, 3];

/// Makes every decision again that the site's audit log holds; each must come out as it was recorded.
/// The log may end before what a decision was made from, where the projector was stopped early: of such
/// a one nothing can be said.
///
/// # Errors
/// A decision comes out otherwise, or a record isn't the one that the tree has.
pub(crate) async fn every_decision(site: &Site) -> Result<()> {
    let tiles = site.tiles();
    if !tiles.join(eventlog::Topic::AccessEvents.name()).is_dir() {
        return Ok(());
    }
    let (tiles, root) = (
        tiles.display().to_string(),
        site.keys.record_root.to_string(),
    );
    let mut args = vec![
        "replay",
        &tiles,
        "--key",
        &site.keys.vkey,
        "--records-root",
        &root,
    ];
    let files = site.keys.record_certificates.iter();
    let files: Vec<_> = files.map(|file| file.display().to_string()).collect();
    for file in &files {
        args.extend(["--records-certificate", file]);
    }
    let ended = tool::run("auditctl", args, &site.dir).await?;
    let code = ended.status.code();
    ensure!(
        code.is_some_and(|code| GOOD.contains(&code)),
        "{}",
        ended.text
    );
    println!("{}", ended.text);
    Ok(())
}
