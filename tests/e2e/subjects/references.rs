//! References of many users at once.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use eventlog::Topic;
use harness::clients::{Operator, Registry};
use harness::process::wait_until;
use harness::site::Part;
use proto::access::{EnsureSubjectRequest, EnsureSubjectsRequest};

use crate::support::{PATIENCE, Scene};

fn users(numbers: impl Iterator<Item = usize>) -> Vec<EnsureSubjectRequest> {
    numbers
        .map(|number| EnsureSubjectRequest {
            issuer: "https://issuer.example".to_owned(),
            user_id: format!("user-{number}"),
        })
        .collect()
}

async fn ask(
    registry: &Registry,
    users: &[EnsureSubjectRequest],
    only_known: bool,
) -> Result<Vec<String>> {
    let users = users.to_vec();
    let count = users.len();
    let request = EnsureSubjectsRequest { users, only_known };
    let answer = registry.clone().ensure_subjects(request).await?;
    let references = answer.into_inner().subject_refs;
    ensure!(references.len() == count, "{} answers", references.len());
    Ok(references)
}

#[tokio::test]
async fn everybody_has_one_reference_whichever_instance_is_asked() -> Result<()> {
    let mut scene = Scene::start().await?;
    scene.site_mut().start_part(Part::CommandSvcTwin).await?;
    let site = scene.site();
    let one = Operator::connect(site).await?.registry;
    let twin = Operator::connect_twin(site).await?.registry;

    let everybody = users(0..500);
    let backwards = users((0..500).rev());
    let before = scene.traces().await?;
    assert_eq!(ask(&one, &everybody, true).await?, vec![""; 500]);
    assert_eq!(scene.traces().await?, before);

    // Both mint at once; the log decides, and whatever lost is erased.
    let (first, mut second) =
        tokio::try_join!(ask(&one, &everybody, false), ask(&twin, &backwards, false),)?;
    second.reverse();
    assert_eq!(first, second);
    assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), 500);
    let after = scene.traces().await?;
    let records = scene.log.records(Topic::Subjects).await?;
    let mut items = BTreeSet::new();
    for record in &records {
        match record.value {
            Some(_) => items.insert(&record.key),
            None => items.remove(&record.key),
        };
    }
    let known = before.records(Topic::Subjects);
    assert_eq!(items.len() as u64, known + 500, "losers stay");

    // Whoever has one keeps it, also beside newcomers and twice in one call.
    let mixed = users([7, 500, 7, 499, 500].into_iter());
    let answer = ask(&twin, &mixed, false).await?;
    assert_eq!(answer[0], first[7]);
    assert_eq!((&answer[2], &answer[3]), (&first[7], &first[499]));
    assert_eq!(answer[1], answer[4]);
    let minted = scene.traces().await?.records(Topic::Subjects) - after.records(Topic::Subjects);
    assert_eq!(minted, 1);
    wait_until(PATIENCE, "the other instance to know", || async {
        let known = ask(&one, &mixed, true).await;
        known.is_ok_and(|known| known == answer)
    })
    .await?;
    scene.finish().await
}
