//! People to references.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use domain::SubjectRef;
use prost::Message as _;
use proto::access::EnsureSubjectRequest;

use super::flight;
use super::line::{Line, Person};
use super::progress::Progress;
use crate::client::{Client, refusal};

/// The most users that the service takes in one call, and how many bytes of them.
const MAX_USERS: usize = 500;
const MAX_BYTES: usize = 128 << 10;
/// What an element of a list takes beside itself, in bytes.
const FRAME: usize = 6;

/// People by whom they are.
pub(crate) type References = HashMap<Arc<Person>, SubjectRef>;

/// Whether those who have no reference get one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Newcomers {
    Left,
    Taken,
}

/// Everybody once, in the order of the file.
pub(crate) fn of(lines: &[Line]) -> Vec<Arc<Person>> {
    let mut seen = HashSet::new();
    let people = lines.iter().map(|line| &line.person);
    people
        .filter(|person| seen.insert(*person))
        .cloned()
        .collect()
}

/// The references of people: of all of them, or of those who have one.
///
/// # Errors
/// A refusal. Whoever has got a reference by then keeps it.
pub(crate) async fn references(
    client: &Client,
    people: &[Arc<Person>],
    newcomers: Newcomers,
    what: &'static str,
) -> Result<References> {
    let progress = RefCell::new(Progress::start(what, people.len()));
    let found = RefCell::new(HashMap::with_capacity(people.len()));
    let size = |person: &&Arc<Person>| (1, user(person).encoded_len() + FRAME);
    let portions = flight::portions(people, MAX_USERS, MAX_BYTES, size);
    flight::all(portions, async |people: Vec<&Arc<Person>>| {
        let users: Vec<_> = people.iter().map(|person| user(person)).collect();
        let call = async || {
            let users = users.clone();
            client
                .clone()
                .subjects(users, newcomers == Newcomers::Left)
                .await
        };
        let answer = flight::patiently(call).await;
        let answer = answer.map_err(|status| refusal(&status).context("can't get references"))?;
        let references = told(&people, answer, newcomers)?;
        found.borrow_mut().extend(references);
        progress.borrow_mut().advance(people.len());
        anyhow::Ok(())
    })
    .await?;
    Ok(found.into_inner())
}

fn told(
    people: &[&Arc<Person>],
    answer: Vec<String>,
    newcomers: Newcomers,
) -> Result<Vec<(Arc<Person>, SubjectRef)>> {
    let wrong = "the service's answer is not about the users who were asked for";
    ensure!(answer.len() == people.len(), wrong);
    let mut references = Vec::with_capacity(people.len());
    for (person, text) in people.iter().zip(answer) {
        if newcomers == Newcomers::Taken || !text.is_empty() {
            references.push((Arc::clone(person), text.parse().context(wrong)?));
        }
    }
    Ok(references)
}

fn user(person: &Person) -> EnsureSubjectRequest {
    EnsureSubjectRequest {
        issuer: person.issuer.to_string(),
        user_id: person.user_id.clone(),
    }
}
