//! Asking for events again: page by page, with a token for that alone.

use partner::events::Asked as Answered;
use partner::{CallError, EventsClient};

use crate::partner::{Partner, json, problem, soon};

fn client(partner: &Partner) -> EventsClient {
    EventsClient::new(partner.config()).unwrap()
}

#[tokio::test]
async fn pages_are_asked_for_one_after_the_other_with_a_token_for_nothing_else() {
    let partner = Partner::start(|asked| {
        json(if asked.target.contains("after=") {
            r#"{"events":[],"next":"c2"}"#
        } else {
            r#"{"events":[{"id": "1"},  {"id":"2","data":{}}],"next":"c 1&x"}"#
        })
    })
    .await;
    let (client, complex) = (client(&partner), "sunrise".parse().unwrap());
    let Answered::Page(page) = client.events(&complex, None, soon()).await.unwrap() else {
        panic!("no page");
    };
    assert_eq!(page.events, [r#"{"id": "1"}"#, r#"{"id":"2","data":{}}"#]);
    let next = client.events(&complex, Some(&page.next), soon()).await;
    let Answered::Page(last) = next.unwrap() else {
        panic!("no page");
    };
    assert!(last.events.is_empty());

    let calls: Vec<String> = partner
        .calls()
        .into_iter()
        .map(|asked| asked.target)
        .collect();
    let path = "/v1/complexes/sunrise/events?limit=200";
    assert_eq!(calls, [path.to_owned(), format!("{path}&after=c+1%26x")]);
    let tokens = partner.tokens_asked();
    assert_eq!(tokens.len(), 1);
    let asked = |name| tokens[0].parameter(name);
    assert_eq!(asked("scope").as_deref(), Some("events:read"));
    let resource = asked("resource");
    assert_eq!(resource.as_deref(), Some("urn:smarthome:complex:sunrise"));
}

#[tokio::test]
async fn only_the_contracts_answers_are_taken() {
    let complex = "sunrise".parse().unwrap();
    let gone = Partner::start(|_| problem(410, "cursor-expired")).await;
    let asked = client(&gone).events(&complex, None, soon()).await;
    assert_eq!(asked, Ok(Answered::CursorExpired));
    let down = Partner::start(|_| problem(503, "unavailable")).await;
    let asked = client(&down).events(&complex, None, soon()).await;
    assert!(
        matches!(asked, Err(CallError::Problem { status: 503, .. })),
        "{asked:?}"
    );
    for odd in [
        r#"{"events":[]}"#.to_owned(),
        r#"{"events":{},"next":"c"}"#.to_owned(),
        r#"{"events":[],"next":""}"#.to_owned(),
        format!(r#"{{"events":[],"next":"{}"}}"#, "c".repeat(129)),
    ] {
        let partner = Partner::start(move |_| json(odd.clone())).await;
        let asked = client(&partner).events(&complex, None, soon()).await;
        assert_eq!(asked, Err(CallError::Unintelligible));
    }
}
