#![allow(clippy::unwrap_used)]
use serde_json::Value;

use super::*;

async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut tcp = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    tcp.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    tcp.read_to_string(&mut response).await.unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    let code = head.split(' ').nth(1).unwrap().parse().unwrap();
    (code, body.to_owned())
}

fn config(listen: &str, insecure: bool) -> AdminConfig {
    AdminConfig {
        listen: listen.parse().unwrap(),
        insecure,
    }
}

#[tokio::test]
async fn probes_follow_health_and_metrics_are_rendered() {
    let health = Health::new();
    let registry = health.condition("registry");
    let stop = CancellationToken::new();
    let listener = bind(&config("127.0.0.1:0", false)).await.unwrap();
    let address = listener.local_addr();
    let metrics = crate::metrics::install().unwrap();
    ::metrics::counter!("test_admin_total").increment(1);
    let served = tokio::spawn(listener.serve(health.clone(), metrics, stop.clone()));

    assert_eq!(get(address, "/livez").await.0, 200);
    registry.failing("hydrating");
    health.started();
    let (code, body) = get(address, "/readyz").await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (code, &body["reasons"]["registry"]),
        (503, &Value::from("hydrating"))
    );

    registry.ok();
    assert_eq!(get(address, "/readyz").await.0, 200);
    health.not_live("broken");
    assert_eq!(get(address, "/livez").await.0, 503);
    assert_eq!(get(address, "/readyz").await.0, 503);
    assert!(
        get(address, "/metrics")
            .await
            .1
            .contains("test_admin_total")
    );
    assert_eq!(get(address, "/other").await.0, 404);

    stop.cancel();
    served.await.unwrap();
}

#[test]
fn plain_text_leaves_the_machine_only_on_demand() {
    for loopback in ["127.0.0.1:9000", "127.8.8.8:9000", "[::1]:9000"] {
        config(loopback, false).validate().unwrap();
    }
    for open in ["0.0.0.0:9000", "[::]:9000", "10.0.0.1:9000"] {
        let text = config(open, false).validate().unwrap_err().to_string();
        assert!(text.contains(open) && text.contains("insecure"), "{text}");
        config(open, true).validate().unwrap();
    }
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let first = bind(&config("127.0.0.1:0", false)).await.unwrap();
    let address = first.local_addr().to_string();
    let text = bind(&config(&address, false))
        .await
        .unwrap_err()
        .to_string();
    assert!(text.contains(&address), "{text}");
}
