//! A report of an incident, made for paper: the accesses that a search finds, with all that belongs to them,
//! what proves it, what that does not prove, and how to check it elsewhere.

use std::collections::HashSet;

use askama::Template;
use axum::extract::{Path, Query};
use axum::response::Response;
use proto::access::{SearchAccessRequest, SearchAccessResponse};
use tonic::Status;

use super::moment::Moment;
use super::page::{Page, Section};
use super::record::{self, Story};
use super::search::{Asked, Given};
use super::visit::Visit;

/// Accesses of one report, at most.
const MOST: usize = 20;

#[derive(Template)]
#[template(path = "report.html")]
struct Report {
    page: Page,
    /// What was asked for, in words.
    given: Vec<Given>,
    /// The address of the search that finds the same.
    search: String,
    /// Fields that are wrong.
    wrong: Vec<String>,
    /// In the order of the log.
    stories: Vec<Story>,
    /// Older accesses match too.
    more: bool,
    most: usize,
    checks: Vec<(String, u64)>,
    /// Events of the decisions, which can be made again.
    decisions: Vec<String>,
    vkey: String,
    origin: String,
    /// Of the newest tree.
    size: u64,
    checkpoint: String,
    made: Moment,
}

/// `GET /c/{complex}/report`, with the fields of a search.
pub(super) async fn show(
    visit: Visit,
    Path(complex): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    visit.answer(report(&visit, &complex, asked).await)
}

async fn report(visit: &Visit, complex: &str, asked: Asked) -> Result<Report, Status> {
    let page = visit.page(complex, Section::Search).await?;
    let zone = visit.zone(complex);
    let mut wrong = Vec::new();
    let request = SearchAccessRequest {
        page_size: u32::try_from(MOST).unwrap_or(u32::MAX),
        ..asked.request(complex, &zone, &mut wrong)
    };
    let found = match wrong.is_empty() {
        true => visit.found(request, &mut wrong).await?,
        false => SearchAccessResponse::default(),
    };
    let mut stories: Vec<Story> = Vec::new();
    let mut told = HashSet::new();
    // A command's story has the partner's reports of it too.
    for found in found.records.iter().rev() {
        if told.contains(&found.leaf_index) {
            continue;
        }
        let story = record::told(visit, &zone, complex, &found.event_id).await?;
        told.extend(story.checks().into_iter().map(|(_, index)| index));
        stories.push(story);
    }
    let (origin, vkey) = record::key(visit, complex)?;
    let newest = stories.iter().max_by_key(|story| story.size);
    Ok(Report {
        size: newest.map_or(0, |story| story.size),
        checkpoint: newest.map_or_else(String::new, |story| story.checkpoint.clone()),
        checks: stories.iter().flat_map(Story::checks).collect(),
        decisions: stories
            .iter()
            .filter(|story| !story.row.why.is_empty())
            .map(|story| story.row.event.clone())
            .collect(),
        more: !found.next_page_token.is_empty(),
        most: MOST,
        made: zone.moment(jiff::Timestamp::now()),
        given: asked.given(&page),
        search: asked.address(complex, "search", ""),
        stories,
        wrong,
        vkey,
        origin,
        page,
    })
}
