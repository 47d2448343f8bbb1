//! Credentials and keys go only to an attested partner, and only within the perimeter.

use domain::window::Window;
use domain::{CredentialId, DeviceId};
use jiff::Timestamp;
use partner::{CallError, CredentialToPut, OutOfPerimeter, PartnerClient};
use privacy::CredentialToken;
use uuid::Uuid;

use crate::attested::{attested, devices, no_content, plate_token, token_key};
use crate::partner::{Partner, Reply, json, problem, soon, sunrise};

#[tokio::test]
async fn what_may_not_go_out_does_not() {
    let (partner, client, proof) = attested(|_| no_content()).await;
    let sent_before = partner.asked().len();
    let good = [plate_token("sunrise", "gatekeeper", 1)];
    let everyday = Window::default();
    let here = devices();
    let put = |perimeter, tokens: Vec<CredentialToken>, window: Window, devices: Vec<DeviceId>| {
        let handle = client.within(&perimeter, Timestamp::now()).unwrap();
        let proof = proof.clone();
        async move {
            let credential = CredentialToPut {
                id: CredentialId(Uuid::from_u128(7)),
                tokens: &tokens,
                window: &window,
                time_zone: "",
                devices: &devices,
            };
            let put = handle.put_credential(&proof, &credential, soon());
            put.await.unwrap_err()
        }
    };
    let mut no_credentials = sunrise();
    no_credentials.credentials = false;
    let outside = CallError::OutOfPerimeter;
    let refused = put(
        no_credentials,
        good.to_vec(),
        everyday.clone(),
        here.clone(),
    )
    .await;
    assert_eq!(refused, outside(OutOfPerimeter::Credentials));
    let tokens = vec![plate_token("sunset", "gatekeeper", 1)];
    let refused = put(sunrise(), tokens, everyday.clone(), here.clone()).await;
    assert_eq!(refused, outside(OutOfPerimeter::OtherComplex));
    let tokens = vec![plate_token("sunrise", "other", 1)];
    let refused = put(sunrise(), tokens, everyday.clone(), here.clone()).await;
    assert_eq!(refused, outside(OutOfPerimeter::OtherPartner));
    let elsewhere = vec!["sunset.gate".parse().unwrap()];
    let refused = put(sunrise(), good.to_vec(), everyday.clone(), elsewhere).await;
    assert_eq!(refused, outside(OutOfPerimeter::OtherComplex));

    let weekend = Window {
        weekdays: 0b1100_0000,
        ..Window::default()
    };
    let evening = Window {
        minutes: (18 * 60, 23 * 60),
        ..Window::default()
    };
    let twice = [good.to_vec(), good.to_vec()].concat();
    for (tokens, window, devices) in [
        (good.to_vec(), weekend, here.clone()),
        (good.to_vec(), evening, here.clone()),
        (Vec::new(), everyday.clone(), here.clone()),
        (twice, everyday.clone(), here.clone()),
        (good.to_vec(), everyday.clone(), Vec::new()),
        (
            good.to_vec(),
            everyday.clone(),
            [here.clone(), here.clone()].concat(),
        ),
    ] {
        let refused = put(sunrise(), tokens, window, devices).await;
        assert!(
            matches!(refused, CallError::Inexpressible(_)),
            "{refused:?}"
        );
        assert!(!refused.is_transient());
    }

    let handle = client.within(&sunrise(), Timestamp::now()).unwrap();
    let other = token_key("sunset", "gatekeeper", 1);
    assert_eq!(
        handle.put_token_key(&proof, &other, soon()).await,
        Err(outside(OutOfPerimeter::OtherComplex))
    );
    assert_eq!(partner.asked().len(), sent_before, "nothing was sent");
}

#[tokio::test]
async fn anothers_proof_is_no_proof() {
    let (partner, _, proof) = attested(|_| no_content()).await;
    let mut config = partner.config();
    config.partner = "other".parse().unwrap();
    let mut perimeter = sunrise();
    perimeter.partner = "other".parse().unwrap();
    let client = PartnerClient::new(config).unwrap();
    let handle = client.within(&perimeter, Timestamp::now()).unwrap();
    let key = token_key("sunrise", "other", 1);
    assert_eq!(
        handle.put_token_key(&proof, &key, soon()).await,
        Err(CallError::NotAttested)
    );
}

#[tokio::test]
async fn problems_and_nonsense_are_told_apart() {
    type Fault = fn() -> Reply;
    let table: [(&str, bool, Fault); 7] = [
        ("409 unknown_key_version", false, || {
            problem(409, "unknown-key-version")
        }),
        ("403 wrong_resource", false, || {
            problem(403, "wrong-resource")
        }),
        ("401 token_invalid", true, || problem(401, "token-invalid")),
        ("503 unavailable", true, || problem(503, "unavailable")),
        ("none of the contract's", true, || {
            Reply::Answer(503, "text/html", String::new())
        }),
        ("none of the contract's", true, || json("{}")),
        ("did not answer", true, || Reply::RawAndReset(Vec::new())),
    ];
    for (text, transient, fault) in table {
        let partner = Partner::start(move |_| fault()).await;
        let closing = partner.client().closing(&"sunrise".parse().unwrap());
        let error = closing
            .delete_credential(CredentialId(Uuid::from_u128(7)), soon())
            .await
            .unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
        assert_eq!(error.is_transient(), transient, "{error}");
        assert_eq!(partner.calls().len(), 1, "{text}");
    }
}
