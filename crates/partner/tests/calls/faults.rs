//! Everything that can go wrong on the way, and that nothing is ever sent twice.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::vocabulary::Operation;
use partner::{Doubt, NotSent, OpenResult, PartnerClient, TokenRefused};
use tokio::net::TcpListener;
use tokio::time::Instant;

use crate::http::whole;
use crate::open::{command, gate, in_a_minute};
use crate::partner::{EXECUTED, Partner, Reply, json, problem, soon, sunrise, token, url};
use crate::pki::Pki;

async fn open(client: &PartnerClient, deadline: Instant) -> OpenResult {
    client
        .within(&sunrise(), jiff::Timestamp::now())
        .unwrap()
        .open(
            command(),
            &gate(),
            Operation::OpenBarrier,
            in_a_minute(),
            deadline,
        )
        .await
        .unwrap()
        .result
}

fn unknown(why: Doubt) -> OpenResult {
    OpenResult::Unknown { why }
}

fn not_sent(why: impl Into<NotSent>) -> OpenResult {
    OpenResult::NotSent { why: why.into() }
}

#[tokio::test]
async fn after_the_request_went_out_a_fault_is_a_doubt_and_it_went_out_once() {
    type Fault = fn() -> Reply;
    let table: [(&str, Doubt, Fault); 12] = [
        ("reset at once", Doubt::Silent, || {
            Reply::RawAndReset(Vec::new())
        }),
        ("closed at once", Doubt::Silent, || Reply::Raw(Vec::new())),
        ("reset in the head", Doubt::Silent, || {
            Reply::RawAndReset(b"HTTP/1.1 200 OK\r\ncontent-le".to_vec())
        }),
        ("closed in the head", Doubt::Silent, || {
            Reply::Raw(b"HTTP/1.1 200 OK\r\ncontent-le".to_vec())
        }),
        ("no HTTP", Doubt::Silent, || {
            Reply::Raw(b"SSH-2.0-OpenSSH_9.9\r\n\r\n".to_vec())
        }),
        ("closed in the body", Doubt::Unintelligible, || {
            Reply::Raw(whole(200, "application/json", EXECUTED)[..100].to_vec())
        }),
        ("body longer than 64 KiB", Doubt::Unintelligible, || {
            json(format!("{EXECUTED}{}", " ".repeat(64 * 1024)))
        }),
        ("broken JSON", Doubt::Unintelligible, || {
            json(&EXECUTED[1..])
        }),
        ("bare 404", Doubt::Unintelligible, || {
            Reply::Answer(404, "text/html", "<h1>not found</h1>".to_owned())
        }),
        ("bare 503", Doubt::Unintelligible, || {
            Reply::Answer(503, "text/plain", String::new())
        }),
        ("a way elsewhere", Doubt::Unintelligible, || {
            Reply::Raw(
                b"HTTP/1.1 307 x\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n".to_vec(),
            )
        }),
        ("key reused", Doubt::Unsettled, || {
            problem(409, "key-reused")
        }),
    ];
    for (name, doubt, fault) in table {
        let partner = Partner::start(move |_| fault()).await;
        let client = partner.client();
        assert_eq!(open(&client, soon()).await, unknown(doubt), "{name}");
        assert_eq!(partner.calls().len(), 1, "{name}");
    }
}

#[tokio::test]
async fn a_body_that_is_reset_is_no_answer() {
    let partner = Partner::start(|_| {
        Reply::RawAndReset(whole(200, "application/json", EXECUTED)[..100].to_vec())
    })
    .await;
    // Whether the head arrives before the reset is up to the network; neither proves anything.
    let result = open(&partner.client(), soon()).await;
    assert!(matches!(result, OpenResult::Unknown { .. }), "{result:?}");
    assert_eq!(partner.calls().len(), 1);
}

#[tokio::test]
async fn silence_lasts_until_the_deadline_and_no_longer() {
    let first = AtomicBool::new(true);
    let partner = Partner::start(move |_| {
        if first.swap(false, Ordering::SeqCst) {
            json(EXECUTED)
        } else {
            Reply::Hang
        }
    })
    .await;
    let client = partner.client();
    // The token and the connection first, so that the deadline is all the silent open's.
    open(&client, soon()).await;
    let started = Instant::now();
    let result = open(&client, started + Duration::from_millis(300)).await;
    assert_eq!(result, unknown(Doubt::Silent));
    assert!(started.elapsed() >= Duration::from_millis(300));
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(partner.calls().len(), 2);
}

#[tokio::test]
async fn no_call_outlasts_the_ceiling() {
    let partner = Partner::start(|_| Reply::Hang).await;
    let mut config = partner.config();
    config.request_ceiling = Duration::from_secs(2);
    let client = PartnerClient::new(config).unwrap();
    let started = Instant::now();
    let result = open(&client, started + Duration::from_secs(600)).await;
    assert_eq!(result, unknown(Doubt::Silent));
    assert!(started.elapsed() < Duration::from_secs(60));
}

/// A port that nobody listens on, for as long as the test holds it.
async fn refusing() -> (SocketAddr, tokio::net::TcpSocket) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    (socket.local_addr().unwrap(), socket)
}

#[tokio::test]
async fn without_a_connection_nothing_was_sent() {
    let partner = Partner::start(|_| json(EXECUTED)).await;
    // Tokens as ever, the API refuses connections.
    let (address, _held) = refusing().await;
    let mut config = partner.config();
    config.base_url = url(address);
    let client = PartnerClient::new(config).unwrap();
    assert_eq!(open(&client, soon()).await, not_sent(NotSent::NoConnection));
    // The API takes connections and says nothing.
    let mute = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let mut config = partner.config();
    config.base_url = url(mute.local_addr().unwrap());
    config.connect_timeout = Duration::from_millis(200);
    let client = PartnerClient::new(config).unwrap();
    assert_eq!(open(&client, soon()).await, not_sent(NotSent::NoConnection));
    // Everything refuses connections.
    let mut config = partner.config();
    config.base_url = url(address);
    config.token_endpoint = None;
    let client = PartnerClient::new(config).unwrap();
    assert_eq!(
        open(&client, soon()).await,
        not_sent(TokenRefused::Unavailable)
    );
    assert!(partner.calls().is_empty());
}

#[tokio::test]
async fn a_server_that_is_not_trusted_is_told_nothing() {
    let partner = Partner::start(|_| json(EXECUTED)).await;
    let rogue = Pki::new();
    let rogue_server = rogue.server();
    let rogue = Partner::start_as(rogue, rogue_server, |_| json(EXECUTED)).await;
    let mut config = partner.config();
    config.base_url = url(rogue.address);
    let client = PartnerClient::new(config).unwrap();
    assert_eq!(open(&client, soon()).await, not_sent(NotSent::NoConnection));
    assert!(rogue.asked().is_empty());
}

#[tokio::test]
async fn a_client_that_is_not_trusted_gets_no_token() {
    let pki = Pki::new();
    let server = Pki::new();
    // The client trusts the server, which trusts other clients.
    let strict = Partner::start_as(pki, server.server(), |asked| token(asked, 300)).await;
    let mut config = strict.config();
    config.tls.server_roots = server.client().server_roots;
    let client = PartnerClient::new(config).unwrap();
    assert_eq!(
        open(&client, soon()).await,
        not_sent(TokenRefused::Unavailable)
    );
    assert!(strict.asked().is_empty());
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_meanwhile_costs_nothing() {
    let partner = Partner::start_with_tokens(
        |asked| token(asked, 300),
        |_| Reply::AnswerAndClose(200, "application/json", EXECUTED.to_owned()),
    )
    .await;
    let client = partner.client();
    let mut executed = 0;
    for number in 1..=20 {
        match open(&client, soon()).await {
            OpenResult::Executed { .. } => executed += 1,
            // The end of the connection and the next request crossed; it may not have arrived.
            OpenResult::Unknown { why: Doubt::Silent } => {}
            other => panic!("{other:?}"),
        }
        let calls = partner.calls().len();
        assert!((executed..=number).contains(&calls), "each was sent once");
    }
    assert!(executed > 0);
}

#[tokio::test]
async fn connections_are_kept_and_speak_http_1() {
    let partner = Partner::start(|_| json(EXECUTED)).await;
    let client = partner.client();
    for _ in 0..5 {
        assert!(matches!(
            open(&client, soon()).await,
            OpenResult::Executed { .. }
        ));
    }
    assert!(partner.asked().iter().all(|asked| asked.connection == 0));
}
